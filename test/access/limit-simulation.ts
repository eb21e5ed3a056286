import { seededRandom } from '../seeded-random.js';
import { Bucket } from '../../src/access/limits/bucket.js';
import type { Limits } from '../../src/access/limits/limits.js';
import { Meter } from '../../src/access/limits/meter.js';
import { exchange, type SharedUse } from '../../src/access/limits/shared-use.js';

export const MINUTES_5 = 5 * 60_000;
const TRIP_MS = 3;
export const NONE: Limits = {
  requestsPerMinute: null,
  tokensPerMinute: null,
  maxConcurrent: null,
  tokensPerMonth: null,
  costPerMonth: null,
  costCurrency: null,
};
export const limits = (some: Partial<Limits>): Limits => ({ ...NONE, ...some });

export interface Sent {
  readonly atMs: number;
  readonly replica: number;
  readonly key?: string;
  readonly tokens?: { readonly estimated: number; readonly used: number };
  readonly forMs?: number;
}

interface World {
  readonly replicas: number;
  readonly limits: Limits;
  readonly sent: readonly Sent[];
  readonly isAway?: (nowMs: number) => boolean;
}

interface SimulatedReplica {
  readonly id: string;
  readonly meter: Meter;
  plannedMs: number;
  readonly peers: { readonly count: number; isAway: boolean };
}

/** Replicas that share a limit through a row, in virtual time, as `LimitExchange` does with a database. */
export class Simulation {
  private readonly events: { atMs: number; run: () => void }[] = [];
  private readonly replicas: SimulatedReplica[];
  private shared: SharedUse | null = null;
  private running = 0;
  mostRunning = 0;
  exchanges = 0;
  readonly admitted: Sent[] = [];

  constructor(private readonly world: World) {
    this.replicas = Array.from({ length: world.replicas }, (_, index) => ({
      id: `r${index}`,
      meter: new Meter(),
      plannedMs: Infinity,
      peers: { count: world.replicas, isAway: false },
    }));
    for (const each of world.sent) this.at(each.atMs, () => this.arrive(each));
    for (let next; (next = this.events.pop()) !== undefined;) next.run();
  }

  /** The list is sorted, the next event last; of two at one time, the one that was planned first. */
  private at(atMs: number, run: () => void): void {
    let [low, high] = [0, this.events.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.events[middle]?.atMs ?? 0) > atMs) low = middle + 1;
      else high = middle;
    }
    this.events.splice(low, 0, { atMs, run });
  }

  private arrive(sent: Sent): void {
    const replica = this.replicas[sent.replica];
    if (replica === undefined) return;
    const { meter, peers } = replica;
    const { atMs } = sent;
    const estimated = sent.tokens?.estimated ?? 0;
    if (meter.refusal(this.world.limits, estimated, atMs, peers) === null) {
      const charge = meter.take(estimated, atMs, peers);
      this.admitted.push(sent);
      this.mostRunning = Math.max(this.mostRunning, (this.running += 1));
      this.at(atMs + (sent.forMs ?? 0), () => {
        this.running -= 1;
        meter.leave();
        meter.settle(charge, sent.tokens?.used ?? 0);
      });
    }
    this.plan(replica, atMs + meter.pauseMs(this.world.limits, atMs));
  }

  private plan(replica: SimulatedReplica, atMs: number): void {
    if (atMs >= replica.plannedMs) return;
    replica.plannedMs = atMs;
    this.at(atMs, () => {
      if (replica.plannedMs === atMs) this.exchange(replica, atMs);
    });
  }

  private exchange(replica: SimulatedReplica, nowMs: number): void {
    const { meter, id, peers } = replica;
    const { limits: shared, isAway } = this.world;
    const report = meter.report(id, shared, nowMs, peers);
    this.exchanges += 1;
    this.at(nowMs + TRIP_MS, () => {
      const doneMs = nowMs + 2 * TRIP_MS;
      peers.isAway = isAway?.(nowMs) === true;
      const answer = peers.isAway ? null : exchange(this.shared, report, nowMs + TRIP_MS);
      if (answer !== null) this.shared = answer.shared;
      this.at(doneMs, () => {
        replica.plannedMs = Infinity;
        if (answer === null) meter.restore(report);
        else meter.adopt(answer.allowance, doneMs);
        if (meter.isActive(doneMs))
          this.plan(replica, doneMs + (peers.isAway ? 1_000 : meter.pauseMs(shared, doneMs)));
      });
    });
  }
}

/** What one bucket for all would admit. */
export function admittedByOne(
  size: number,
  sent: readonly Sent[],
  cost: (each: Sent) => number = () => 1,
): number {
  const bucket = new Bucket(size, 0);
  let sum = 0;
  for (const each of sent) {
    if (bucket.refill(size, each.atMs) < cost(each)) continue;
    bucket.level -= cost(each);
    sum += cost(each);
  }
  return sum;
}

/** Callers with requests at random times; each has a rate, and the replica that it is connected to. */
export function callers(
  seed: number,
  each: readonly { readonly perMinute: number; readonly replica: number; readonly key?: string }[],
  untilMs = MINUTES_5,
): Sent[] {
  const random = seededRandom(seed);
  return each
    .flatMap(({ perMinute, replica, key = 'a' }) => {
      const sent: Sent[] = [];
      for (let atMs = 0; (atMs += (-Math.log(1 - random()) * 60_000) / perMinute) < untilMs;)
        sent.push({ atMs, replica, key });
      return sent;
    })
    .toSorted((a, b) => a.atMs - b.atMs);
}
