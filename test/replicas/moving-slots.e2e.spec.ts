import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cluster, QUICK } from '../cluster/cluster.js';
import { type FakeUpstream, startFakeUpstream, text } from '../fakes/fake-upstream.js';
import { until, untilAll } from '../until.js';

const CAP = 24;
const CALLERS = 30;
/** Each of the other two replicas keeps one slot. */
const ROOM = CAP - 2;
const done = text('done');

/** Holds every request until `open`, so that what runs at once does not depend on the machine's speed. */
class Gate {
  mostAtOnce = 0;
  private isOpen = false;
  private readonly held = new Map<() => void, string>();

  private constructor(readonly upstream: FakeUpstream) {
    upstream.behave((response, request) => {
      const answer = (): void => done(response, request);
      if (this.isOpen) return answer();
      this.hold(response, answer, (JSON.parse(request.body) as { q: string }).q);
    });
  }

  static async start(): Promise<Gate> {
    return new Gate(await startFakeUpstream());
  }

  get atOnce(): number {
    return this.held.size;
  }

  open(): void {
    this.isOpen = true;
    for (const answer of this.held.keys()) answer();
    this.held.clear();
  }

  /** How many requests with this prompt run. */
  running(prompt: string): number {
    return [...this.held.values()].filter((its) => its === prompt).length;
  }

  endOne(prompt: string): void {
    const [answer] = [...this.held].find(([, its]) => its === prompt) ?? [];
    if (answer === undefined) return;
    this.held.delete(answer);
    answer();
  }

  shut(): void {
    this.isOpen = false;
  }

  private hold(response: ServerResponse, answer: () => void, prompt: string): void {
    this.held.set(answer, prompt);
    this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce);
    response.once('close', () => this.held.delete(answer));
  }
}

let cluster: Cluster;
let gate: Gate;
/** A key of a team of its own; the other requests have none. */
let calmKey: string;
beforeAll(async () => {
  gate = await Gate.start();
  cluster = await Cluster.start([{}, {}, {}], {
    ...QUICK,
    BALANCING_QUEUE_WAIT_MS: '120000',
    tuning: { ...QUICK.tuning, admission: { perSlot: 100 } },
  });
  await untilAll(cluster.replicas, 30_000, async (replica) => (await replica.metric('mmm_replicas')) === 3);
  const { status } = await cluster.replica(0).register({
    model_name: 'm',
    req_url_template: `${gate.upstream.url}/x`,
    body: { q: '{USER_PROMPT}' },
    max_concurrency: CAP,
    health_check: { kind: 'none' },
  });
  if (status !== 200) throw new Error(`not registered: ${status}`);
  await untilAll(cluster.replicas, 30_000, async (replica) => {
    const { json } = await replica.get('/api/v1/models');
    return JSON.stringify(json).includes('"m"');
  });
  const made = await cluster
    .replica(1)
    .post('/api/v1/keys', { name: 'calm', role: 'inference', team: 'calm' });
  calmKey = (made.json as { key: string }).key;
});
afterAll(async () => {
  gate.open();
  await cluster.close();
  await gate.upstream.close();
});

/** The statuses of so many requests at one replica. */
const callsAt = (replica: number, count = CALLERS): Promise<readonly number[]> =>
  Promise.all(
    Array.from({ length: count }, () =>
      cluster
        .replica(replica)
        .chat('m', 'hi')
        .catch(() => 0),
    ),
  );
/** The same of the team with the key. */
const calmCallsAt = (replica: number, count = CALLERS): Promise<readonly number[]> =>
  Promise.all(
    Array.from({ length: count }, async () => {
      const { status } = await fetch(`${cluster.replica(replica).url}/api/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${calmKey}` },
        body: JSON.stringify({ model_name: 'm', input: 'calm' }),
      });
      return status;
    }),
  );
const FAIR = CAP / 2;
/** Ends requests of the team that has more until both have their part, but for the slot that a replica without requests keeps. */
const becomeEqual = (): Promise<void> =>
  until(() => {
    for (const team of ['hi', 'calm']) if (gate.running(team) > FAIR) gate.endOne(team);
    return gate.running('hi') >= FAIR - 1 && gate.running('calm') >= FAIR - 1;
  });
const allServed = (statuses: readonly number[]): boolean => statuses.every((status) => status === 200);

/** Lets all end, and begins anew. */
async function finish(calls: Promise<readonly number[]>): Promise<readonly number[]> {
  gate.open();
  const statuses = await calls;
  gate.shut();
  return statuses;
}

describe('the slots of a model with three replicas', () => {
  it('go to the replica that all callers use, and none is refused', async () => {
    const calls = callsAt(0);
    await until(() => gate.atOnce >= ROOM, 30_000);
    expect(allServed(await finish(calls))).toBe(true);
    expect(gate.mostAtOnce).toBeLessThanOrEqual(CAP);
  });

  it('go to two teams in equal parts, however many requests each has', async () => {
    const many = callsAt(0, 4 * CAP);
    await until(() => gate.running('hi') >= ROOM, 30_000);
    const few = calmCallsAt(1);
    // What ends goes to the team that has less; a replica without requests keeps one slot.
    await until(() => {
      if (gate.running('hi') > FAIR - 1) gate.endOne('hi');
      return gate.running('calm') >= FAIR - 1;
    });
    expect(gate.running('calm')).toBeLessThanOrEqual(FAIR + 1);
    await until(async () => {
      const rows = await cluster.database.query<{ tenant: string; weight: number; running: number }>(
        'SELECT tenant, weight, running FROM scheduling_overview ORDER BY tenant',
      );
      const [without, calm] = rows;
      return (
        without?.tenant === '' && calm?.tenant === 'calm' && calm.weight === 1 && calm.running >= FAIR - 1
      );
    });
    expect(gate.running('hi')).toBeLessThanOrEqual(FAIR + 1);
    expect(allServed(await finish(Promise.all([many, few]).then((all) => all.flat())))).toBe(true);
    expect(gate.mostAtOnce).toBeLessThanOrEqual(CAP);
  });

  it('follow the callers to another replica', async () => {
    const before = callsAt(0, ROOM);
    await until(() => gate.atOnce >= ROOM, 30_000);
    const calls = callsAt(1);
    expect(allServed(await finish(before))).toBe(true);
    await until(() => gate.atOnce >= ROOM, 30_000);
    expect(allServed(await finish(calls))).toBe(true);
    expect(gate.mostAtOnce).toBeLessThanOrEqual(CAP);
  });

  it('stay where they are while the database is away, and are shared by the teams again when it is back', async () => {
    await Promise.all(cluster.replicas.flatMap(({ queries, listening }) => [queries.cut(), listening.cut()]));
    const calls = callsAt(1, 8 * CAP);
    const elsewhere = calmCallsAt(2, 2 * CAP);
    // The last parts hold: one slot at each of the others.
    await until(() => gate.atOnce >= ROOM + 1, 30_000);
    expect(gate.mostAtOnce).toBeLessThanOrEqual(CAP);
    const [opened] = await cluster.database.query<{ at: string }>('SELECT now()::text AS at');
    await Promise.all(
      cluster.replicas.flatMap(({ queries, listening }) => [queries.open(), listening.open()]),
    );
    await until(async () => {
      const rows = await cluster.database.query(
        'SELECT FROM replica_demand WHERE seen_at > $1::timestamptz',
        [opened?.at],
      );
      return rows.length === 3;
    });
    await becomeEqual();
    const statuses = await finish(Promise.all([calls, elsewhere]).then((all) => all.flat()));
    expect(allServed(statuses)).toBe(true);
    expect(gate.mostAtOnce).toBeLessThanOrEqual(CAP);
  });

  it('of a killed replica go to the teams at the others when it counts as dead', async () => {
    const lost = callsAt(1);
    await until(() => gate.atOnce >= ROOM, 30_000);
    await cluster.replica(1).killed();
    await lost;
    const calls = callsAt(0, 8 * CAP);
    const few = calmCallsAt(2, 2 * CAP);
    // The time that a dead replica's row counts is not waited for.
    await cluster.database.query(`UPDATE replica SET seen_at = now() - interval '16 s' WHERE id = $1`, [
      cluster.replica(1).log[0]?.['replica'],
    ]);
    await until(() => gate.atOnce === CAP, 60_000);
    await becomeEqual();
    expect(allServed(await finish(Promise.all([calls, few]).then((all) => all.flat())))).toBe(true);
    expect(gate.mostAtOnce).toBeLessThanOrEqual(CAP);
  });
});
