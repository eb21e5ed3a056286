import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { DataSource } from 'typeorm';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { DatabaseSettings } from '../../src/config/settings.js';
import { dataSourceOptions } from '../../src/database/data-source.js';
import { Database } from '../../src/database/database.js';
import { PowerNotes } from '../../src/registry/power/power-notes.js';
import { type PowerRow, WorkerQueries } from '../../src/registry/worker-queries.js';
import { drainedHere } from '../../src/replicas/draining.js';
import { ReplicaTable } from '../../src/replicas/replica-table.js';
import { type SleepClaim, SleepLeases } from '../../src/waking/sleep-leases.js';
import { WakeLeases } from '../../src/waking/wake-leases.js';
import { databaseForTest, type TestDatabase } from '../database.js';

const MODEL = 'sleepy';

/** What replicas do, each step as one of them does it, with delays between any two. */
type Step =
  | {
      readonly kind:
        | 'hear'
        | 'report'
        | 'start'
        | 'end'
        | 'mark'
        | 'begin'
        | 'send'
        | 'finish'
        | 'fail'
        | 'wake'
        | 'woken'
        | 'probe'
        | 'die';
      readonly at: number;
    }
  | { readonly kind: 'all hear and report' | 'join' | 'leases of the dead end'; readonly at: 0 };

const WEIGHTS: Readonly<Record<Step['kind'], number>> = {
  'all hear and report': 6,
  start: 3,
  end: 6,
  mark: 5,
  begin: 8,
  send: 6,
  finish: 4,
  fail: 1,
  hear: 4,
  report: 3,
  wake: 3,
  woken: 4,
  probe: 3,
  die: 1,
  join: 1,
  'leases of the dead end': 2,
};
const step: fc.Arbitrary<Step> = fc.oneof(
  ...Object.entries(WEIGHTS).map(([kind, weight]) => ({
    weight,
    arbitrary: fc.nat({ max: 2 }).map((at) => ({ kind, at }) as Step),
  })),
);

/** Without anything in between, the worker sleeps in the end. */
const UNDISTURBED: Step[] = [
  { kind: 'mark', at: 0 },
  { kind: 'all hear and report', at: 0 },
  { kind: 'begin', at: 0 },
  { kind: 'send', at: 0 },
  { kind: 'finish', at: 0 },
];

interface Replica {
  readonly id: string;
  readonly sleeps: SleepLeases;
  readonly wakes: WakeLeases;
  /** The registry as it last read it. */
  power: PowerRow;
  inFlight: number;
  waiting: number;
  claim: SleepClaim | null;
  hasBegun: boolean;
  isWaking: boolean;
}

/** Replicas on one real table, with the statements of the service; what they keep in memory is modelled. */
class Cluster {
  isEngineAsleep = false;
  slept = 0;
  private replicas: Replica[] = [];

  private constructor(
    private readonly database: Database,
    private readonly table: TestDatabase,
    private readonly workerId: string,
    private readonly queries: WorkerQueries,
    private readonly reports: ReplicaTable,
  ) {}

  static async of(table: TestDatabase): Promise<Cluster> {
    const source = await new DataSource(dataSourceOptions(table.address, 'public', 2)).initialize();
    onTestFinished(() => source.destroy());
    const database = new Database(source);
    const [row] = await table.query<{ id: string }>(
      `INSERT INTO worker (model_name, req_url_template, wake, sleep) VALUES ('${MODEL}', 'http://127.0.0.1:9/x', '{}', '{}') RETURNING id`,
    );
    const queries = new WorkerQueries(database, SETTINGS);
    const reports = new ReplicaTable(database, {} as ConstructorParameters<typeof ReplicaTable>[1], SETTINGS);
    return new Cluster(database, table, row?.id ?? '', queries, reports);
  }

  async reset(replicas: number): Promise<void> {
    await this.table.query('DELETE FROM replica');
    await this.table.query(
      `UPDATE worker_power SET state = 'awake', lease_owner = NULL, lease_until = NULL, next_wake_at = now(), next_sleep_at = now()`,
    );
    this.isEngineAsleep = false;
    this.replicas = [];
    for (let made = 0; made < replicas; made += 1) await this.join();
  }

  async run({ kind, at }: Step): Promise<void> {
    const replica = this.replicas[at % this.replicas.length];
    if (replica === undefined) return;
    switch (kind) {
      case 'hear':
        replica.power = await this.read();
        return;
      case 'report':
        return this.report(replica);
      case 'all hear and report':
        for (const each of this.replicas) {
          each.power = await this.read();
          await this.report(each);
        }
        return;
      case 'start':
        return this.start(replica);
      case 'end':
        replica.inFlight = Math.max(0, replica.inFlight - 1);
        return;
      case 'mark':
        if (replica.claim !== null) return;
        replica.claim = await replica.sleeps.claim([{ id: this.workerId, unusedMs: 0 }]);
        replica.hasBegun = false;
        return;
      case 'begin':
        return this.begin(replica);
      case 'send':
        if (!replica.hasBegun) return;
        must(this.inFlight === 0, 'a request is cut');
        this.isEngineAsleep = true;
        this.slept += 1;
        return;
      case 'finish':
        if (replica.claim === null || !replica.hasBegun || !this.isEngineAsleep) return;
        must(
          await replica.sleeps.asleep(replica.claim),
          'the lease was lost while the worker was sent to sleep',
        );
        return this.drop(replica);
      case 'fail':
        if (replica.claim === null || this.isEngineAsleep) return;
        await replica.sleeps.failed(replica.claim, 'a sleep request got HTTP 500');
        await this.table.query('UPDATE worker_power SET next_sleep_at = now()');
        return this.drop(replica);
      case 'wake':
        return this.wake(replica);
      case 'woken':
        if (!replica.isWaking) return;
        this.isEngineAsleep = false;
        await replica.wakes.woke(this.workerId, 1);
        replica.isWaking = false;
        return;
      case 'probe':
        if (!this.isEngineAsleep) await this.answers(replica);
        return;
      case 'die':
        if (this.replicas.length === 1) return;
        this.replicas = this.replicas.filter((other) => other !== replica);
        await this.reports.leave(replica.id);
        return;
      case 'join':
        if (this.replicas.length < 3) await this.join();
        return;
      case 'leases of the dead end':
        await this.table.query(
          `UPDATE worker_power SET lease_until = now() - interval '1 s', next_wake_at = now() WHERE lease_owner <> ALL ($1)`,
          [this.replicas.map(({ id }) => id)],
        );
    }
  }

  private get inFlight(): number {
    return this.replicas.reduce((sum, { inFlight }) => sum + inFlight, 0);
  }

  private start(replica: Replica): void {
    if (replica.power.state !== 'awake') {
      replica.waiting += 1;
      return;
    }
    must(!this.isEngineAsleep, 'a request reaches a worker that sleeps');
    must(
      !this.replicas.some(({ hasBegun }) => hasBegun),
      'a request begins while the worker is sent to sleep',
    );
    replica.inFlight += 1;
  }

  private async begin(replica: Replica): Promise<void> {
    if (replica.claim === null || replica.hasBegun) return;
    const begun = await replica.sleeps.begin(replica.claim);
    if (begun === 'lost') this.drop(replica);
    if (begun !== 'begun') return;
    must(this.inFlight === 0, 'it begins while a request runs');
    replica.hasBegun = true;
  }

  private drop(replica: Replica): void {
    replica.claim = null;
    replica.hasBegun = false;
  }

  private async wake(replica: Replica): Promise<void> {
    if (replica.waiting === 0 || replica.isWaking) return;
    const { workerId } = this;
    const seen = { modelName: MODEL, ids: [workerId], sleepers: [workerId], up: 0 };
    if ((await replica.wakes.claim(seen)) === null) return;
    must(!this.replicas.some(({ hasBegun }) => hasBegun), 'it is woken while it is sent to sleep');
    replica.isWaking = true;
    replica.waiting = 0;
  }

  /** A probe that the worker answers. */
  private async answers(replica: Replica): Promise<void> {
    const { state } = replica.power;
    if (state === 'awake') return;
    await new Promise<void>((resolve, reject) => {
      const worker = { id: this.workerId, power: replica.power, call: { power: { asleepWhen: null } } };
      const live = { worker: () => worker };
      const sync = { reload: async () => resolve() };
      type Parts = ConstructorParameters<typeof PowerNotes>;
      const parts = [live, {}, this.database, sync, {}, SETTINGS] as unknown as Parts;
      if (!new PowerNotes(...parts).see(this.workerId, 'answered', 'it answered', performance.now()))
        reject(new Error('not seen'));
    });
    replica.power = await this.read();
  }

  private async report({ id, power, inFlight }: Replica): Promise<void> {
    const worker = {
      id: this.workerId,
      adminState: 'enabled',
      adminStateSinceMs: 0,
      power: { ...power, sinceMs: power.since_ms, isFallingAsleep: power.is_falling_asleep },
    } as unknown as Parameters<typeof drainedHere>[0][number];
    const drained = drainedHere([worker], () => inFlight);
    await this.reports.beat(id, { drained, settings: {}, draining: null, knows: [], settled: true });
  }

  /** It reads the registry and reports before it takes requests. */
  private async join(): Promise<void> {
    const id = randomUUID();
    const replica: Replica = {
      id,
      sleeps: new SleepLeases(this.database, { id }, SETTINGS, WAKING),
      wakes: new WakeLeases(this.database, { id }, SETTINGS, WAKING),
      power: await this.read(),
      inFlight: 0,
      waiting: 0,
      claim: null,
      hasBegun: false,
      isWaking: false,
    };
    await this.report(replica);
    this.replicas.push(replica);
  }

  private async read(): Promise<PowerRow> {
    const [row] = await this.queries.findLive([this.workerId]);
    if (row?.power === null || row?.power === undefined) throw new Error('it has no power');
    return row.power;
  }
}

function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

const WAKING = { leaseMs: 15_000, renewMs: 5_000 };
const SETTINGS = { schema: 'public' } as unknown as DatabaseSettings;

describe('sending a worker to sleep', () => {
  it('cuts no request, and lets none reach a worker that sleeps, whatever is late, dies or joins', async () => {
    const cluster = await Cluster.of(await databaseForTest());
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.array(step, { minLength: 20, maxLength: 80 }),
        async (replicas, steps) => {
          await cluster.reset(replicas);
          for (const next of steps) await cluster.run(next);
        },
      ),
      { numRuns: 60, examples: [[2, UNDISTURBED]] },
    );
    // The law says nothing of a service that never sends one to sleep.
    expect(cluster.slept).toBeGreaterThan(0);
  });
});
