import { Admission } from '../../src/balancing/admission/admission.js';
import { POLICIES } from '../../src/balancing/policies/strategies.js';
import { WorkerPool } from '../../src/balancing/pool/worker-pool.js';
import { DEFAULT_ADMISSION_LIMITS, DEFAULT_STATS_LIMITS } from '../../src/config/tuning.js';
import type { SlotLoad } from '../../src/replicas/slots/model-slots.js';
import type { Power } from '../../src/registry/power/power.js';
import { planWaking } from '../../src/waking/plan-waking.js';
import { seededRandom } from '../../test/seeded-random.js';
import { SLOTS } from './run-once.js';
import { SimulatedSlots } from './simulated-slots.js';
import { normal } from './traffic.js';
import { VirtualTime } from './virtual-time.js';

/** Requests for a model whose workers are all asleep, at three replicas, by the service's own admission and rules of waking. */
export interface SleeperScene {
  readonly sleepers: number;
  readonly perSecond: number;
  readonly untilMs: number;
  /** The replica that gets the first request, and so wakes, is killed then; left out: none is. */
  readonly wakerKilledMs?: number;
}

export interface SleeperRecord {
  /** Requests that came to a replica that lives to the end. */
  readonly requests: number;
  readonly refused: number;
  readonly wakeCalls: number;
}

const REPLICAS = 3;
const WAKER = 0;
/** From the wake request until the worker is ready. */
const WAKE_MS = 60_000;
/** A chat: 0.3 s, and 150 tokens at 40 a second; the median of lognormal lengths. */
const FIRST_MS = 300;
const CHAT_MS = 3_750;
const SIGMA = 0.6;
// As in `waking/`.
const TICK_MS = 250;
const CLAIM_MS = 1_000;
const RENEW_MS = 5_000;
const LEASE_MS = 15_000;
/** From a change of a row until a replica that listens has read it. */
const NOTIFY_MS = 5;

interface Row extends Pick<Power, 'state' | 'failures' | 'nextWakeAtMs' | 'usualWakeMs'> {
  readonly owner: Replica | null;
  readonly leaseMs: number;
}

interface Replica {
  readonly at: number;
  readonly pool: WorkerPool;
  readonly admission: Admission;
  readonly seen: Map<string, Row>;
  claimedMs: number;
  requests: number;
  refused: number;
}

const ASLEEP: Row = {
  state: 'asleep',
  failures: 0,
  nextWakeAtMs: 0,
  usualWakeMs: WAKE_MS,
  owner: null,
  leaseMs: -Infinity,
};

/** One run: the table, the replicas and the workers in virtual time. */
class Sleepers {
  wakeCalls = 0;
  readonly replicas: readonly Replica[];
  private readonly time = new VirtualTime();
  private readonly table = new Map<string, Row>();
  private readonly chance: () => number;
  private readonly slots: SimulatedSlots;

  constructor(
    private readonly scene: SleeperScene,
    seed: number,
  ) {
    this.chance = seededRandom(seed);
    for (let at = 0; at < scene.sleepers; at += 1) this.table.set(`worker-${at}`, ASLEEP);
    const { wakerKilledMs } = scene;
    this.slots = new SimulatedSlots(
      REPLICAS,
      [...this.table.keys()],
      SLOTS,
      wakerKilledMs === undefined ? {} : { killed: { replica: WAKER, atMs: wakerKilledMs } },
      this.time,
      (at) => this.loadOf(at),
      (at) => this.followAt(at),
    );
    this.replicas = Array.from({ length: REPLICAS }, (_, at) => this.replica(at, seed * REPLICAS + at));
    for (const replica of this.replicas) {
      this.follow(replica);
      this.tick(replica);
    }
  }

  run(): void {
    const { perSecond, untilMs } = this.scene;
    const next = (): void =>
      void this.time.after((-Math.log(1 - this.chance()) * 1000) / perSecond, () => {
        if (this.time.nowMs() >= untilMs) return;
        this.request();
        next();
      });
    this.request(WAKER);
    next();
    // What waits at the end has as long as any other.
    this.time.runUntil(untilMs + DEFAULT_ADMISSION_LIMITS.holdMs + WAKE_MS);
  }

  private loadOf(at: number): SlotLoad {
    const replica = this.replicas[at];
    const running = replica?.pool.all.map(({ id, inFlight }) => [id, inFlight] as const);
    return {
      inFlight: new Map(running),
      waiting: replica?.admission.queued ?? 0,
      tenants: replica?.admission.queues.tenants() ?? [],
    };
  }

  private followAt(at: number): void {
    const replica = this.replicas[at];
    if (replica !== undefined) this.follow(replica);
  }

  private replica(at: number, seed: number): Replica {
    const pool = new WorkerPool(POLICIES.least_load, DEFAULT_STATS_LIMITS, seededRandom(seed));
    const admission = new Admission(pool, this.time, DEFAULT_ADMISSION_LIMITS, seededRandom(seed + 1));
    return {
      at,
      pool,
      admission,
      seen: new Map(this.table),
      claimedMs: -Infinity,
      requests: 0,
      refused: 0,
    };
  }

  /** The pool as the replica's snapshot and its slots show the workers. */
  private follow({ at, pool, admission, seen }: Replica): void {
    pool.update(
      [...seen].map(([id, { state }]) => ({
        id,
        weight: 1,
        priority: 0,
        concurrencyLimit: this.slots.limitOf(at, id),
        evenShare: this.slots.evenShareAt(at),
        isEnabled: true,
        health: 'healthy',
        isAsleep: state !== 'awake',
        generation: 1,
      })),
    );
    admission.serveQueue();
  }

  private write(id: string, change: Partial<Row>): void {
    const row = { ...(this.table.get(id) ?? ASLEEP), ...change };
    this.table.set(id, row);
    this.time.after(NOTIFY_MS, () => {
      for (const replica of this.replicas) {
        replica.seen.set(id, row);
        this.follow(replica);
      }
    });
  }

  private isAlive({ at }: Replica): boolean {
    return this.slots.isAlive(at);
  }

  private request(at?: number): void {
    const alive = this.replicas.filter((each) => this.isAlive(each));
    const replica = alive[at ?? Math.floor(this.chance() * alive.length)];
    if (replica === undefined) return;
    const workMs = FIRST_MS + CHAT_MS * Math.exp(SIGMA * normal(this.chance));
    replica.requests += 1;
    replica.admission.enter({ tried: new Set(), deadlineMs: Infinity }, (answer) => {
      if (!('worker' in answer)) {
        replica.refused += 1;
        return;
      }
      this.time.after(workMs, () => {
        replica.admission.release(answer, { kind: 'success', durationMs: workMs, units: workMs / 25 });
        this.slots.ended(replica.at, answer.worker.id, answer.worker.inFlight + 1);
      });
    });
    if (replica.admission.queued === 1) this.slots.waits(replica.at);
  }

  private tick(replica: Replica): void {
    if (!this.isAlive(replica)) return;
    const nowMs = this.time.nowMs();
    const { queued } = replica.admission;
    if (queued > 0 && nowMs - replica.claimedMs >= CLAIM_MS) this.claim(replica, queued, nowMs);
    this.time.after(TICK_MS, () => this.tick(replica));
  }

  private claim(replica: Replica, queued: number, nowMs: number): void {
    const { pool, seen } = replica;
    // As the claim of one whose waker died: its lease is over, and requests wait for it.
    const left = [...this.table].find(([, { state, leaseMs }]) => state === 'waking' && leaseMs <= nowMs);
    if (left !== undefined) return this.wake(replica, left[0]);
    const latencies = pool.all.flatMap(({ stats }) => (stats.latency.ms > 0 ? [stats.latency.ms] : []));
    const meanMs =
      latencies.length === 0 ? null : latencies.reduce((sum, ms) => sum + ms, 0) / latencies.length;
    const workers = [...seen].map(([id, power]) => ({ id, priority: 0, power, isUsable: true }));
    const slotsOf = (id: string): number => pool.worker(id)?.member.concurrencyLimit ?? 0;
    const plan = planWaking(workers, { queued, meanMs }, slotsOf, nowMs);
    if (plan === null) return;
    replica.claimedMs = nowMs;
    // As the statement of the claim: none where another replica woke one since this one looked.
    const rows = plan.ids.flatMap((id) => this.table.get(id) ?? []);
    const up = rows.filter(
      ({ state, leaseMs }) => state === 'awake' || (state === 'waking' && leaseMs > nowMs),
    );
    const next = plan.sleepers.find((id) => {
      const row = this.table.get(id);
      return row?.state === 'asleep' && row.nextWakeAtMs <= nowMs;
    });
    if (up.length <= plan.up && next !== undefined) this.wake(replica, next);
  }

  private wake(replica: Replica, id: string): void {
    this.wakeCalls += 1;
    this.write(id, { state: 'waking', owner: replica, leaseMs: this.time.nowMs() + LEASE_MS });
    const renew = (): void => {
      const row = this.table.get(id);
      if (!this.isAlive(replica) || row?.owner !== replica || row.state !== 'waking') return;
      this.table.set(id, { ...row, leaseMs: this.time.nowMs() + LEASE_MS });
      this.time.after(RENEW_MS, renew);
    };
    this.time.after(RENEW_MS, renew);
    // A worker that is sent a second wake request has begun to wake with the first, which is not counted on here.
    this.time.after(WAKE_MS, () => {
      const row = this.table.get(id);
      if (!this.isAlive(replica) || row?.owner !== replica || row.state !== 'waking') return;
      this.write(id, { state: 'awake', owner: null });
    });
  }

  /** Requests at a replica that was killed end with it. */
  get living(): readonly Replica[] {
    return this.replicas.filter((replica) => this.isAlive(replica));
  }
}

export function runSleepers(scene: SleeperScene, seed: number): SleeperRecord {
  const run = new Sleepers(scene, seed);
  run.run();
  const { living } = run;
  return {
    requests: living.reduce((sum, { requests }) => sum + requests, 0),
    refused: living.reduce((sum, { refused }) => sum + refused, 0),
    wakeCalls: run.wakeCalls,
  };
}
