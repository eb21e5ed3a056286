import {
  afterInterruption,
  afterLook,
  aloneAs,
  areSame,
  type ReplicaMembership,
} from '../../src/replicas/replica-membership.js';
import { type DemandRow, type SlotLoad, ModelSlots } from '../../src/replicas/slots/model-slots.js';
import { LOOK_MS, SETTLE_MS } from '../../src/replicas/replicas.js';
import { evenShare } from '../../src/replicas/slots/next-slots.js';
import { seededRandom } from '../../test/seeded-random.js';
import type { VirtualTime } from './virtual-time.js';

/** What happens to replicas and to their database. */
export interface ReplicaFaults {
  /** Killed without notice; its requests end with it. */
  readonly killed?: { readonly replica: number; readonly atMs: number };
  readonly databaseAway?: { readonly fromMs: number; readonly untilMs: number };
}

const RETURN_MS = SETTLE_MS;
const BEAT_MS = 5_000;
const DEAD_MS = 15_000;
/** From a NOTIFY to the exchange of the replica that receives it. */
const NOTIFY_MS = 5;
const NOTIFY_AGAIN_MS = 5_000;
const LEAST_GAP_MS = 200;
/** From the lock to the rows, and from the rows to the commit. */
const READ_MS = 2;
const COMMIT_MS = 3;

interface Member {
  readonly id: string;
  readonly slots: ModelSlots;
  membership: ReplicaMembership;
  returnedMs: number;
  seenMs: number;
  lastMs: number;
  notifiedMs: number;
  stopTimer: () => void;
  nextMs: number;
}

/** The exchange of slots by the service's own code, over a table in memory, in virtual time. One model. */
export class SimulatedSlots {
  private readonly members: readonly Member[];
  private readonly table = new Map<string, DemandRow>();
  private readonly lockQueue: (() => void)[] = [];
  private readonly random = seededRandom(1);
  private isLocked = false;
  exchanges = 0;

  constructor(
    replicas: number,
    private readonly workerIds: readonly string[],
    private readonly cap: number,
    private readonly faults: ReplicaFaults,
    private readonly time: VirtualTime,
    private readonly loadOf: (replica: number) => SlotLoad,
    private readonly changed: (replica: number) => void,
  ) {
    this.members = Array.from({ length: replicas }, (_, at) => ({
      id: `replica-${at}`,
      slots: new ModelSlots(`replica-${at}`),
      membership: aloneAs(`replica-${at}`),
      returnedMs: -Infinity,
      seenMs: 0,
      lastMs: -Infinity,
      notifiedMs: -Infinity,
      stopTimer: () => undefined,
      nextMs: Infinity,
    }));
    for (const member of this.members) {
      member.membership = { ...member.membership, ids: this.members.map(({ id }) => id) };
      time.after(LOOK_MS * this.random(), () => this.look(member));
      this.beat(member);
    }
  }

  isAlive(replica: number): boolean {
    const { killed } = this.faults;
    return killed === undefined || killed.replica !== replica || this.time.nowMs() < killed.atMs;
  }

  limitOf(replica: number, workerId: string): number {
    return this.member(replica).slots.limitOf(workerId, this.evenShareAt(replica));
  }

  elsewhereOf(replica: number): ModelSlots['elsewhere'] {
    return this.member(replica).slots.elsewhere;
  }

  evenShareAt(replica: number): number {
    return evenShare(this.cap, this.member(replica).membership.ids.length);
  }

  waits(replica: number): void {
    const member = this.member(replica);
    member.slots.contend(this.time.nowMs());
    this.runWithin(member, 0);
  }

  ended(replica: number, workerId: string, inFlight: number): void {
    const member = this.member(replica);
    if (member.slots.isOver(workerId, inFlight)) this.runWithin(member, LEAST_GAP_MS);
  }

  private member(replica: number): Member {
    const member = this.members[replica];
    if (member === undefined) throw new RangeError(`no replica ${replica}`);
    return member;
  }

  private get isAway(): boolean {
    const { databaseAway } = this.faults;
    const nowMs = this.time.nowMs();
    return databaseAway !== undefined && nowMs >= databaseAway.fromMs && nowMs < databaseAway.untilMs;
  }

  private isUp(member: Member): boolean {
    return this.isAlive(this.members.indexOf(member));
  }

  private beat(member: Member): void {
    if (!this.isUp(member)) return;
    if (!this.isAway) member.seenMs = this.time.nowMs();
    this.time.after(BEAT_MS * (0.8 + 0.4 * this.random()), () => this.beat(member));
  }

  private look(member: Member): void {
    if (!this.isUp(member)) return;
    const nowMs = this.time.nowMs();
    if (this.isAway) member.membership = afterInterruption(member.membership);
    else {
      const before = member.membership;
      member.membership = afterLook(member.membership, this.seen(), nowMs, 2 * BEAT_MS);
      if (before.isInterrupted) member.returnedMs = nowMs;
      if (before.isInterrupted) this.waits(this.members.indexOf(member));
      if (!areSame(before, member.membership)) this.changed(this.members.indexOf(member));
    }
    this.time.after(LOOK_MS * (0.8 + 0.4 * this.random()), () => this.look(member));
  }

  private seen(): readonly string[] {
    const sinceMs = this.time.nowMs() - DEAD_MS;
    return this.members.filter(({ seenMs }) => seenMs >= sinceMs).map(({ id }) => id);
  }

  private runWithin(member: Member, delayMs: number): void {
    const nowMs = this.time.nowMs();
    const atMs = Math.max(nowMs + delayMs, member.lastMs + LEAST_GAP_MS);
    if (atMs >= member.nextMs) return;
    member.nextMs = atMs;
    member.stopTimer();
    member.stopTimer = this.time.after(atMs - nowMs, () => this.run(member));
  }

  private run(member: Member): void {
    member.nextMs = Infinity;
    if (!this.isUp(member)) return;
    member.lastMs = this.time.nowMs();
    if (this.isAway) return this.again(member);
    this.exchanges += 1;
    this.locked((unlock) => {
      this.time.after(READ_MS, () => {
        if (!this.isUp(member)) return unlock();
        const row = this.decide(member);
        this.changed(this.members.indexOf(member));
        this.time.after(COMMIT_MS, () => {
          if (!this.isAway && this.isUp(member)) {
            this.table.set(member.id, row);
            member.slots.confirm();
            this.changed(this.members.indexOf(member));
            this.notify(member);
          }
          unlock();
          this.again(member);
        });
      });
    });
  }

  private again(member: Member): void {
    const nowMs = this.time.nowMs();
    const { waiting } = this.loadOf(this.members.indexOf(member));
    if (waiting > 0) member.slots.contend(nowMs);
    const pauseMs = member.slots.pauseMs(nowMs, this.random());
    if (pauseMs !== null) this.runWithin(member, pauseMs);
  }

  private decide(member: Member): DemandRow {
    const nowMs = this.time.nowMs();
    const active = new Set([...this.seen(), ...member.membership.ids]);
    active.delete(member.id);
    return member.slots.decide(
      {
        workers: this.workerIds.map((id) => ({ id, cap: this.cap, isUsable: true })),
        others: new Map([...active].map((id) => [id, this.table.get(id) ?? null])),
      },
      this.loadOf(this.members.indexOf(member)),
      nowMs >= member.returnedMs + RETURN_MS,
      nowMs,
    );
  }

  private notify(member: Member): void {
    const nowMs = this.time.nowMs();
    const { waiting } = this.loadOf(this.members.indexOf(member));
    if (waiting === 0 || nowMs < member.notifiedMs + NOTIFY_AGAIN_MS) return;
    member.notifiedMs = nowMs;
    for (const other of this.members)
      if (other !== member)
        this.time.after(NOTIFY_MS, () => {
          other.slots.contend(this.time.nowMs());
          this.runWithin(other, 0);
        });
  }

  private locked(use: (unlock: () => void) => void): void {
    const unlock = (): void => {
      this.isLocked = false;
      this.lockQueue.shift()?.();
    };
    const take = (): void => {
      this.isLocked = true;
      use(unlock);
    };
    if (this.isLocked) this.lockQueue.push(take);
    else take();
  }
}
