import { Injectable, Logger } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { setTimeout as sleep } from 'node:timers/promises';
import { LiveWorkers } from '../registry/live-workers.js';
import { WorkerActivity } from '../registry/worker-activity.js';
import type { SlotPlan } from './plan-slots.js';
import { LOOK_MS, Replicas } from './replicas.js';
import { Rounds } from './rounds.js';
import { type Demand, SlotHolding } from './slot-holding.js';
import { LEASE_MS, type Slot, SlotTable, WISH_MS } from './slot-table.js';

const ROUND_MS = 200;
/** While requests wait and there is no slot for them. */
const WAITING_ROUND_MS = 100;
/** However many requests ask for a round. */
const SHORTEST_PAUSE_MS = 20;
/** A database that has not answered for so long is away: requests are not to wait for it. */
const AWAY_MS = 2_000;
/** In which all replicas see that there is one more, or one less. */
const SETTLE_MS = 2 * LOOK_MS;

/**
 * The slots of workers that have fewer than there are replicas: leased in PostgreSQL, for as long as requests run or wait
 * here. While the database is away each replica may use one of each worker. Idle where there is no such worker.
 */
@Injectable()
export class SlotLeases {
  private readonly logger = new Logger('Replicas');
  private readonly holdings = new Map<string, SlotHolding>();
  private readonly listeners: ((workerIds: readonly string[]) => void)[] = [];
  private readonly rounds: Rounds;
  private exchanging: Promise<void> | null = null;
  private lastGoodMs = 0;
  private lastRoundMs = -Infinity;
  private isAway = false;
  private lastFault = '';

  constructor(
    private readonly replicas: Replicas,
    private readonly table: SlotTable,
    private readonly live: LiveWorkers,
    private readonly activity: WorkerActivity,
    schedules: SchedulerRegistry,
  ) {
    this.rounds = new Rounds('slot-leases', schedules, () => this.round());
    replicas.onChange(() => this.follow());
    live.onChange(() => this.follow());
  }

  /** Whether there is a worker whose slots have to be leased. */
  get isNeeded(): boolean {
    return this.holdings.size > 0;
  }

  /** Requests of this replica that may run there; `null`: its slots need not be leased. */
  usable(workerId: string): number | null {
    const holding = this.holdings.get(workerId);
    if (holding === undefined) return null;
    return this.isAway ? Math.max(1, holding.usable) : holding.usable;
  }

  /** Calls `listener` with the workers of which more or fewer slots may be used. */
  onChange(listener: (workerIds: readonly string[]) => void): void {
    this.listeners.push(listener);
  }

  /** A request came for a model that has such a worker; `isWaiting`: none of them could take it. */
  wake(isWaiting: boolean): void {
    const isContended = [...this.holdings.values()].some(({ wishedMs }) => wishedMs !== null);
    const pauseMs = !isWaiting ? ROUND_MS : isContended ? WAITING_ROUND_MS : SHORTEST_PAUSE_MS;
    this.rounds.within(Math.max(0, this.lastRoundMs + pauseMs - performance.now()));
  }

  /** A request has ended there: somebody else may be waiting for its slot. */
  doneWith(workerId: string): void {
    if (this.holdings.get(workerId)?.isLeaving === true) this.rounds.within(0);
  }

  /** What is still held goes with the replica's row. */
  stop(): Promise<void> {
    return this.rounds.stop();
  }

  private follow(): void {
    if (!this.replicas.isKnown) return;
    const nowMs = performance.now();
    const scarce = new Map(
      this.live
        .workers()
        .filter(({ maxConcurrency }) => maxConcurrency < this.replicas.count)
        .map((worker) => [worker.id, worker.maxConcurrency]),
    );
    for (const [id, cap] of scarce) {
      const holding = this.holdings.get(id) ?? new SlotHolding(id, cap, nowMs);
      holding.cap = cap;
      holding.partUntilMs = null;
      this.holdings.set(id, holding);
    }
    for (const [id, holding] of this.holdings) {
      if (scarce.has(id)) continue;
      holding.partUntilMs ??= nowMs + SETTLE_MS;
      this.rounds.within(SETTLE_MS);
    }
  }

  private async round(): Promise<number | null> {
    if (!this.isBusy()) return null;
    const isFresh = performance.now() - this.lastRoundMs > AWAY_MS;
    if (isFresh && !this.isAway) this.lastGoodMs = performance.now();
    this.exchanging ??= this.exchange().finally(() => (this.exchanging = null));
    // One that hangs is waited for, but nobody waits with it.
    const patience = new AbortController();
    await Promise.race([this.exchanging, sleep(AWAY_MS, undefined, patience).catch(() => {})]);
    patience.abort();
    this.lastRoundMs = performance.now();
    this.judgeAbsence(this.lastRoundMs);
    return this.pauseMs();
  }

  private pauseMs(): number | null {
    const isWaiting = [...this.holdings.values()].some(
      ({ held, workerId }) => held === 0 && this.activity.of(workerId).wanted > 0,
    );
    if (isWaiting) return WAITING_ROUND_MS;
    return this.isBusy() ? ROUND_MS : null;
  }

  private isBusy(): boolean {
    return [...this.holdings.values()].some(
      ({ held, wishedMs, partUntilMs, workerId }) =>
        this.isAway ||
        held > 0 ||
        wishedMs !== null ||
        partUntilMs !== null ||
        this.activity.of(workerId).wanted > 0,
    );
  }

  private judgeAbsence(nowMs: number): void {
    const isAway = nowMs - this.lastGoodMs >= AWAY_MS;
    if (isAway === this.isAway) return;
    this.isAway = isAway;
    this.logger.warn(
      isAway
        ? 'no slots can be leased: each replica uses one of each worker that has too few'
        : 'leasing slots again',
    );
    this.tell([...this.holdings.keys()]);
  }

  private async exchange(): Promise<void> {
    const askedAtMs = performance.now();
    try {
      const { mine, wishes } = await this.table.look([...this.holdings.keys()]);
      for (const [id, holding] of this.holdings) {
        const slots = mine.filter(({ workerId }) => workerId === id);
        holding.saw(slots, wishes.get(id) ?? 0, askedAtMs);
      }
      await this.settle();
      this.lastGoodMs = performance.now();
      this.lastFault = '';
    } catch (error) {
      this.plan();
      const fault = error instanceof Error ? error.message : String(error);
      if (fault !== this.lastFault) this.logger.warn(`slots cannot be leased now: ${fault}`);
      this.lastFault = fault;
    }
  }

  private async settle(): Promise<void> {
    const plans = this.plan();
    await this.renew();
    for (const [holding, { giveBack }] of plans) await this.give(holding, giveBack);
    await this.take(plans);
    await this.wish(plans);
    await this.part();
  }

  /** What may be used from now on, before anything is given away. */
  private plan(): readonly (readonly [SlotHolding, SlotPlan])[] {
    const nowMs = performance.now();
    const changed: string[] = [];
    const plans = [...this.holdings.values()].map((holding) => {
      const before = holding.usable;
      const plan = holding.plan(this.demandOf(holding, nowMs), nowMs);
      if (holding.usable !== before) changed.push(holding.workerId);
      return [holding, plan] as const;
    });
    this.tell(changed);
    return plans;
  }

  /**
   * While not all replicas know yet that slots must be leased, others may still use their shares: no more is leased then
   * than runs here anyway, or one; and one that has just come waits.
   */
  private demandOf({ workerId, sinceMs }: SlotHolding, nowMs: number): Demand {
    const { inFlight, wanted } = this.activity.of(workerId);
    if (nowMs < this.replicas.noticedAtMs) return { inFlight, wanted: 0 };
    if (nowMs < sinceMs + SETTLE_MS) return { inFlight, wanted: Math.min(wanted, Math.max(1, inFlight)) };
    return { inFlight, wanted };
  }

  private async renew(): Promise<void> {
    const nowMs = performance.now();
    const due = [...this.holdings.values()].filter((holding) => holding.isToRenew(nowMs, LEASE_MS / 2));
    if (due.length > 0) await this.table.renew(due.map(({ workerId }) => workerId));
  }

  private async give(holding: SlotHolding, count: number): Promise<void> {
    const unclaimed: Slot[] = [];
    for (const slot of holding.letGo(count)) {
      if (!(await this.table.handOver(slot))) unclaimed.push(slot);
    }
    if (unclaimed.length > 0) await this.table.release(unclaimed);
  }

  private async take(plans: readonly (readonly [SlotHolding, SlotPlan])[]): Promise<void> {
    const wanted = plans
      .filter(([holding, { take }]) => take > 0 && holding.partUntilMs === null)
      .map(([{ workerId, cap }, { take }]) => ({ workerId, cap, most: take }));
    if (wanted.length === 0) return;
    const nowMs = performance.now();
    const taken = await this.table.take(wanted);
    for (const { workerId, slot } of taken) {
      this.holdings.get(workerId)?.gain(slot, nowMs + LEASE_MS, nowMs);
    }
    this.tell(taken.map(({ workerId }) => workerId));
  }

  private async wish(plans: readonly (readonly [SlotHolding, SlotPlan])[]): Promise<void> {
    const nowMs = performance.now();
    const wishing = plans.filter(([{ held }, { wish }]) => wish && held === 0).map(([holding]) => holding);
    const due = wishing.filter(({ wishedMs }) => wishedMs === null || nowMs - wishedMs > WISH_MS / 2);
    const over = [...this.holdings.values()].filter(
      (holding) => holding.wishedMs !== null && !wishing.includes(holding),
    );
    if (due.length > 0) await this.table.wishFor(due.map(({ workerId }) => workerId));
    for (const holding of due) holding.wishedMs = nowMs;
    if (over.length > 0) await this.table.wishNoMore(over.map(({ workerId }) => workerId));
    for (const holding of over) holding.wishedMs = null;
  }

  /** From those whose slots need not be leased any more. */
  private async part(): Promise<void> {
    const nowMs = performance.now();
    for (const holding of this.holdings.values()) {
      if (holding.partUntilMs === null || nowMs < holding.partUntilMs) continue;
      const slots = holding.letGo(holding.held);
      this.holdings.delete(holding.workerId);
      this.tell([holding.workerId]);
      if (slots.length > 0) await this.table.release(slots);
    }
  }

  private tell(workerIds: readonly string[]): void {
    if (workerIds.length > 0) for (const listener of this.listeners) listener(workerIds);
  }
}
