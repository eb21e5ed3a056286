import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DemandRow, ModelSlots, type SlotLoad } from './model-slots.js';
import { evenShare, type SharedWorker } from './next-slots.js';

/** A replica as it is: what runs there, and the exchange it is in. */
interface Running {
  readonly slots: ModelSlots;
  readonly inFlight: Map<string, number>;
  waiting: number;
  isSettled: boolean;
}

type Step =
  | { readonly kind: 'exchange'; readonly at: number; readonly commit: 'ok' | 'lost' | 'failed' }
  | { readonly kind: 'start' | 'end'; readonly at: number; readonly worker: number }
  | { readonly kind: 'wait'; readonly at: number; readonly waiting: number }
  | { readonly kind: 'join' }
  | { readonly kind: 'die'; readonly at: number };

const at = fc.nat({ max: 5 });
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('start' as const), at, worker: fc.nat({ max: 2 }) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('end' as const), at, worker: fc.nat({ max: 2 }) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('exchange' as const),
      at,
      commit: fc.constantFrom('ok' as const, 'ok' as const, 'lost' as const, 'failed' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), at, waiting: fc.nat({ max: 30 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('join' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('die' as const), at }) },
);

/** Replicas with one table; every request that may start does, wherever the step says. */
class Cluster {
  readonly replicas = new Map<string, Running>();
  private readonly table = new Map<string, DemandRow>();
  private made = 0;
  private nowMs = 0;

  constructor(
    replicas: number,
    private readonly workers: readonly SharedWorker[],
  ) {
    for (let i = 0; i < replicas; i++) this.add(true);
  }

  run(step: Step): void {
    this.nowMs += 300;
    if (step.kind === 'join') return this.join();
    const ids = [...this.replicas.keys()];
    const id = ids[step.at % ids.length] ?? '';
    const replica = this.replicas.get(id);
    if (replica === undefined) return;
    switch (step.kind) {
      case 'exchange':
        return this.exchange(id, replica, step.commit);
      case 'wait':
        replica.waiting = step.waiting;
        return;
      case 'die':
        // The row goes with the replica, and the others notice.
        if (ids.length > 1) {
          this.replicas.delete(id);
          this.table.delete(id);
        }
        return;
      case 'start':
      case 'end': {
        const worker = this.workers[step.worker % this.workers.length];
        if (worker === undefined) return;
        const running = replica.inFlight.get(worker.id) ?? 0;
        if (step.kind === 'end') replica.inFlight.set(worker.id, Math.max(0, running - 1));
        else if (running < this.limitOf(replica, worker)) replica.inFlight.set(worker.id, running + 1);
      }
    }
  }

  runningOn(workerId: string): number {
    return [...this.replicas.values()].reduce((sum, { inFlight }) => sum + (inFlight.get(workerId) ?? 0), 0);
  }

  /** What the table and the even shares of those without a row add up to. */
  heldOf({ id, cap }: SharedWorker): number {
    return [...this.replicas].reduce((sum, [replicaId, { isSettled }]) => {
      const row = this.table.get(replicaId);
      if (row === undefined) return sum + (isSettled ? evenShare(cap, this.replicas.size) : 0);
      return sum + (row.held.get(id) ?? 0);
    }, 0);
  }

  mayUse(): number {
    return [...this.replicas.values()].reduce(
      (sum, replica) => sum + this.workers.reduce((all, worker) => all + this.limitOf(replica, worker), 0),
      0,
    );
  }

  exchangeAll(): void {
    this.nowMs += 5_000;
    for (const [id, replica] of this.replicas) this.exchange(id, replica, 'ok');
  }

  limitsOf(replica: Running): number {
    return this.workers.reduce((sum, worker) => sum + this.limitOf(replica, worker), 0);
  }

  private limitOf({ slots, isSettled }: Running, { id, cap }: SharedWorker): number {
    if (!isSettled) return 0;
    return slots.limitOf(id, evenShare(cap, this.replicas.size));
  }

  private add(isSettled: boolean): Running {
    const id = `replica-${this.made++}`;
    const replica = { slots: new ModelSlots(id), inFlight: new Map(), waiting: 0, isSettled };
    this.replicas.set(id, replica);
    return replica;
  }

  /** Those on which more runs than the even share of more replicas write their rows before the new one uses anything. */
  private join(): void {
    if (this.replicas.size >= 4) return;
    const joined = this.add(false);
    for (const [id, replica] of this.replicas) {
      const isOver = this.workers.some(
        (worker) => (replica.inFlight.get(worker.id) ?? 0) > evenShare(worker.cap, this.replicas.size),
      );
      if (isOver) this.exchange(id, replica, 'ok');
    }
    const newest = [...this.replicas.keys()].at(-1) ?? '';
    if (this.table.size > 0) this.exchange(newest, joined, 'ok');
    joined.isSettled = true;
  }

  private exchange(id: string, replica: Running, commit: 'ok' | 'lost' | 'failed'): void {
    const others = new Map(
      [...this.replicas]
        .filter(([other, { isSettled }]) => other !== id && (isSettled || this.table.has(other)))
        .map(([other]) => [other, this.table.get(other) ?? null]),
    );
    const { inFlight, waiting } = replica;
    const running = [...inFlight.values()].reduce((sum, count) => sum + count, 0);
    const none = { weight: 1, runningBulk: 0, waitingBulk: 0 };
    // A tenant at all replicas, and one at each.
    const half = Math.floor(waiting / 2);
    const tenants = [
      { ...none, name: 'everywhere', running: 0, waiting: half },
      { ...none, name: id, running, waiting: waiting - half },
    ];
    const load: SlotLoad = { inFlight, waiting, tenants };
    const row = replica.slots.decide({ workers: this.workers, others }, load, true, this.nowMs);
    if (commit !== 'failed') this.table.set(id, row);
    if (commit === 'ok') replica.slots.confirm();
  }
}

const caps = fc.array(fc.integer({ min: 4, max: 20 }), { minLength: 1, maxLength: 3 });
const workersOf = (all: readonly number[]): readonly SharedWorker[] =>
  all.map((cap, nth) => ({ id: `worker-${nth}`, cap, isUsable: true }));

describe('the exchange of slots', () => {
  it('never runs more requests on a worker than its limit, whatever joins, dies, fails or gets lost', () => {
    fc.assert(
      fc.property(
        caps,
        fc.integer({ min: 1, max: 4 }),
        fc.array(anyStep, { minLength: 40, maxLength: 120 }),
        (limits, replicas, steps) => {
          const workers = workersOf(limits);
          const cluster = new Cluster(replicas, workers);
          for (const next of steps) {
            cluster.run(next);
            for (const worker of workers) {
              expect(cluster.runningOn(worker.id)).toBeLessThanOrEqual(worker.cap);
              expect(cluster.heldOf(worker)).toBeLessThanOrEqual(worker.cap);
            }
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it('leaves no slot without a replica, and no replica without a slot but where there are few and none waits there', () => {
    fc.assert(
      fc.property(
        caps,
        fc.integer({ min: 2, max: 4 }),
        fc.array(fc.nat({ max: 60 }), { minLength: 4, maxLength: 4 }),
        (limits, replicas, waiting) => {
          const workers = workersOf(limits);
          const cluster = new Cluster(replicas, workers);
          for (const [nth, count] of waiting.entries())
            cluster.run({ kind: 'wait', at: nth % replicas, waiting: count });
          for (let turn = 0; turn < 6; turn++) cluster.exchangeAll();
          // What is needed still changes with every turn: a slot for each replica may be on its way.
          expect(cluster.mayUse()).toBeGreaterThanOrEqual(
            limits.reduce((sum, cap) => sum + cap, 0) - replicas,
          );
          const isFew = limits.reduce((sum, cap) => sum + cap, 0) < 3 * replicas;
          for (const replica of cluster.replicas.values())
            expect(cluster.limitsOf(replica)).toBeGreaterThanOrEqual(isFew && replica.waiting === 0 ? 0 : 1);
        },
      ),
    );
  });
});
