import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isNoticed, type Witness } from './replica-membership.js';
import { LOOK_MS, SETTLE_MS } from './replicas.js';
import { type DemandRow, ModelSlots, type SlotLoad } from './slots/model-slots.js';
import { evenShare } from './slots/next-slots.js';

/** What the database holds of a replica. */
interface Row {
  seenMs: number;
  /** `null`: it is of the release before. */
  knows: ReadonlySet<string> | null;
  settled: boolean;
}

/** A process, with what it knows by itself. */
interface Process {
  readonly id: string;
  readonly isOld: boolean;
  readonly joinedMs: number;
  slots: ModelSlots | null;
  knows: ReadonlySet<string>;
  isNoticed: boolean;
  isSettled: boolean;
  isPaused: boolean;
  /** It cannot reach the database. */
  isCutOff: boolean;
  lookedMs: number;
  inFlight: number;
  waiting: number;
}

type Step =
  | { readonly kind: 'join'; readonly isOld: boolean }
  | { readonly kind: 'look' | 'acknowledge' | 'settle'; readonly at: number }
  | { readonly kind: 'exchange'; readonly at: number; readonly commit: 'ok' | 'lost' | 'failed' }
  | { readonly kind: 'start' | 'end'; readonly at: number; readonly count: number }
  | { readonly kind: 'leave' | 'kill' | 'pause' | 'resume' | 'cut' | 'mend'; readonly at: number }
  | { readonly kind: 'pass'; readonly ms: number };

const CAP = 12;
const WORKER = { id: 'worker', cap: CAP, isUsable: true };
const DEAD_MS = 15_000;

const at = fc.nat({ max: 5 });
const one = <Kind extends string>(kind: Kind) => fc.record({ kind: fc.constant(kind), at });
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('join' as const), isOld: fc.boolean() }) },
  { weight: 8, arbitrary: one('look') },
  { weight: 8, arbitrary: one('acknowledge') },
  { weight: 8, arbitrary: one('settle') },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('exchange' as const),
      at,
      commit: fc.constantFrom('ok' as const, 'ok' as const, 'lost' as const, 'failed' as const),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('start' as const),
      at,
      count: fc.constantFrom(1, CAP / 2, CAP),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('end' as const), at, count: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 1, arbitrary: one('leave') },
  { weight: 1, arbitrary: one('kill') },
  { weight: 2, arbitrary: one('pause') },
  { weight: 2, arbitrary: one('resume') },
  { weight: 1, arbitrary: one('cut') },
  { weight: 2, arbitrary: one('mend') },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 1_500 }) }),
  },
);

/**
 * Replicas of both releases with one worker and one database. No NOTIFY arrives, or it does: a replica looks whenever a step says so.
 * A replica that runs and reaches the database looks each second; one that cannot for 15 s is killed here, because what runs there is
 * then beyond the limit by decision.
 */
class Fleet {
  readonly processes = new Map<string, Process>();
  private readonly replica = new Map<string, Row>();
  private readonly demand = new Map<string, DemandRow>();
  private made = 0;
  private nowMs = 0;

  constructor(replicas: number, areOld: boolean) {
    for (let nth = 0; nth < replicas; nth++) this.join(areOld);
    // None has a row yet: no request has waited.
    this.calm(false);
  }

  get running(): number {
    return [...this.processes.values()].reduce((sum, { inFlight }) => sum + inFlight, 0);
  }

  run(step: Step): void {
    this.pass(step.kind === 'pass' ? step.ms : 5);
    if (step.kind === 'pass') return;
    if (step.kind === 'join') return this.join(step.isOld);
    const process = [...this.processes.values()][step.at % Math.max(1, this.processes.size)];
    if (process === undefined) return;
    if (step.kind === 'kill') return this.remove(process, false);
    if (step.kind === 'resume') process.isPaused = false;
    if (step.kind === 'mend') process.isCutOff = false;
    if (step.kind === 'cut' && !process.isOld) process.isCutOff = true;
    if (step.kind === 'end') process.inFlight = Math.max(0, process.inFlight - step.count);
    if (process.isPaused) return;
    if (step.kind === 'pause' && !process.isOld) process.isPaused = true;
    if (step.kind === 'start') this.start(process, step.count);
    if (process.isCutOff) return;
    if (step.kind === 'leave' && process.inFlight === 0) this.remove(process, true);
    if (step.kind === 'look') this.look(process);
    if (step.kind === 'acknowledge') this.acknowledge(process);
    if (step.kind === 'settle') this.settle(process);
    if (step.kind === 'exchange') this.exchange(process, step.commit);
  }

  /** All that works does its duty for as long as a paused replica counts as alive. */
  calm(isContended = true): void {
    for (const process of this.processes.values()) process.isPaused = process.isCutOff = false;
    for (let turn = 0; turn < 5; turn++) {
      this.pass(LOOK_MS);
      for (const process of this.processes.values()) {
        this.look(process);
        if (isContended) this.exchange(process, 'ok');
        this.acknowledge(process);
      }
      for (const process of this.processes.values()) this.settle(process);
    }
  }

  private pass(ms: number): void {
    this.nowMs += ms;
    for (const process of this.processes.values()) {
      const isWell = !process.isPaused && !process.isCutOff;
      if (isWell && this.nowMs - process.lookedMs >= 1.2 * LOOK_MS) this.look(process);
      // The release before says nothing, and writes its rows in time.
      if (process.isOld) this.cover(process);
      const row = this.replica.get(process.id);
      if (row !== undefined && isWell) row.seenMs = this.nowMs;
      if (row !== undefined && this.nowMs - row.seenMs >= DEAD_MS - 1_500) this.remove(process, true);
    }
  }

  private live(): ReadonlyMap<string, Row> {
    return new Map([...this.replica].filter(([, { seenMs }]) => this.nowMs - seenMs < DEAD_MS));
  }

  private othersOf({ id }: Process): ReadonlySet<string> {
    return new Set([...this.live().keys()].filter((other) => other !== id));
  }

  /** In an upgrade, replicas of the new release join those of the one before. */
  private join(isToBeOld: boolean): void {
    if (this.processes.size >= 5) return;
    const isOld = isToBeOld && [...this.processes.values()].every((process) => process.isOld);
    const id = `replica-${this.made++}`;
    const others = new Set(this.live().keys());
    const isAlone = others.size === 0;
    this.replica.set(id, { seenMs: this.nowMs, knows: isOld ? null : others, settled: isAlone });
    this.processes.set(id, {
      id,
      isOld,
      joinedMs: this.nowMs,
      slots: null,
      knows: others,
      isNoticed: isAlone,
      isSettled: isAlone,
      isPaused: false,
      isCutOff: false,
      lookedMs: this.nowMs,
      inFlight: 0,
      waiting: 0,
    });
  }

  /** @param isRowGone false: its row stays until it counts as dead */
  private remove({ id }: Process, isRowGone: boolean): void {
    this.processes.delete(id);
    if (!isRowGone) return;
    this.replica.delete(id);
    this.demand.delete(id);
  }

  private limitOf({ isSettled, slots, knows }: Process): number {
    if (!isSettled) return 0;
    const even = evenShare(CAP, knows.size + 1);
    return slots?.limitOf(WORKER.id, even) ?? even;
  }

  private start(process: Process, count: number): void {
    const free = Math.max(0, this.limitOf(process) - process.inFlight);
    process.inFlight += Math.min(free, count);
    process.waiting = Math.max(0, count - free);
  }

  private look(process: Process): void {
    process.knows = this.othersOf(process);
    process.lookedMs = this.nowMs;
  }

  private isCovered({ inFlight, knows, slots }: Process): boolean {
    return inFlight <= evenShare(CAP, knows.size + 1) || slots?.covers(WORKER.id, inFlight) === true;
  }

  private cover(process: Process): void {
    if (process.isSettled && !this.isCovered(process)) this.exchange(process, 'ok');
  }

  private acknowledge(process: Process): void {
    const row = this.replica.get(process.id);
    if (row === undefined || row.knows === null) return;
    this.cover(process);
    if (this.isCovered(process)) row.knows = process.knows;
  }

  private witnessesOf({ id }: Process): readonly Witness[] {
    return [...this.live()]
      .filter(([other]) => other !== id)
      .map(([other, { knows }]) => {
        const process = this.processes.get(other);
        // One that is cut off has a connection that the database has not given up.
        return { knows: knows?.has(id) ?? null, isConnected: process !== undefined };
      });
  }

  private settle(process: Process): void {
    if (process.isSettled) return;
    process.isNoticed ||= isNoticed(this.witnessesOf(process), this.nowMs - process.joinedMs, SETTLE_MS);
    if (!process.isNoticed) return;
    const row = this.replica.get(process.id);
    const isMissing =
      !this.demand.has(process.id) && [...this.demand.keys()].some((id) => this.live().has(id));
    if (row === undefined) return;
    if (isMissing) return this.exchange(process, 'ok');
    row.settled = true;
    process.isSettled = true;
  }

  private exchange(process: Process, commit: 'ok' | 'lost' | 'failed'): void {
    const { id, inFlight, waiting } = process;
    if (!process.isNoticed) return;
    process.slots ??= new ModelSlots(id);
    const ids = new Set([...this.othersOf(process), ...process.knows]);
    const others = new Map(
      [...ids]
        .filter((other) => this.replica.get(other)?.settled !== false || this.demand.has(other))
        .map((other) => [other, this.demand.get(other) ?? null]),
    );
    const none = { weight: 1, runningBulk: 0, waitingBulk: 0 };
    const load: SlotLoad = {
      inFlight: new Map([[WORKER.id, inFlight]]),
      waiting,
      tenants: [{ ...none, name: 'all', running: inFlight, waiting }],
    };
    const row = process.slots.decide({ workers: [WORKER], others }, load, true, this.nowMs);
    if (commit !== 'failed') this.demand.set(id, row);
    if (commit === 'ok') process.slots.confirm();
  }
}

const replicas = fc.integer({ min: 1, max: 3 });
/** Without a least length most runs would be of a few steps, in which nothing happens. */
const steps = (minLength: number) => fc.array(anyStep, { minLength, maxLength: 2 * minLength });

describe('a replica that joins others', () => {
  it('never makes more requests run than the limit, whatever is paused, cut off, killed, late or of the release before', () => {
    fc.assert(
      fc.property(replicas, fc.boolean(), steps(60), (count, areOld, all) => {
        const fleet = new Fleet(count, areOld);
        for (const step of all) {
          fleet.run(step);
          expect(fleet.running).toBeLessThanOrEqual(CAP);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('uses slots soon after all others can notice it', () => {
    fc.assert(
      fc.property(replicas, fc.boolean(), steps(20), (count, areOld, all) => {
        const fleet = new Fleet(count, areOld);
        for (const step of all) fleet.run(step);
        fleet.calm();
        for (const { isSettled } of fleet.processes.values()) expect(isSettled).toBe(true);
      }),
    );
  });

  it('waits for those that know nothing of it yet and may run, and no longer than needed for others', () => {
    const isIt = (knows: boolean | null, isConnected: boolean, sinceMs: number): boolean =>
      isNoticed([{ knows, isConnected }], sinceMs, SETTLE_MS);
    expect(isIt(true, false, 0)).toBe(true);
    expect(isIt(false, true, 10 * SETTLE_MS)).toBe(false);
    expect([isIt(false, false, SETTLE_MS - 1), isIt(false, false, SETTLE_MS)]).toEqual([false, true]);
    expect([isIt(null, true, SETTLE_MS - 1), isIt(null, true, SETTLE_MS)]).toEqual([false, true]);
  });
});
