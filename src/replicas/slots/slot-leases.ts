import { Injectable, Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { LiveWorkers } from '../../registry/live/live-workers.js';
import { WorkerActivity } from '../../registry/live/worker-activity.js';
import { AWAY_MS, Replicas, SETTLE_MS } from '../replicas.js';
import { PeriodicTask } from '../periodic-task.js';
import { SharedSlots } from './shared-slots.js';
import { SlotExchange } from './slot-exchange.js';
import { SlotHolding } from './slot-holding.js';

const ROUND_MS = 200;
/** The interval while requests wait for a slot. */
const WAITING_ROUND_MS = 100;
/** The shortest pause, however many requests trigger a round. */
const SHORTEST_PAUSE_MS = 20;

/**
 * Leases in PostgreSQL the slots of workers that have fewer slots than there are replicas, while requests run or wait
 * here. While the database is unavailable, each replica may use one slot of each such worker. Idle without such workers.
 */
@Injectable()
export class SlotLeases {
  private readonly logger = new Logger('Replicas');
  private readonly holdings = new Map<string, SlotHolding>();
  private readonly listeners: ((workerIds: readonly string[]) => void)[] = [];
  private readonly rounds: PeriodicTask;
  private exchanging: Promise<void> | null = null;
  private lastGoodMs = 0;
  private lastRoundMs = -Infinity;
  private isAway = false;
  private lastFault = '';

  constructor(
    private readonly replicas: Replicas,
    private readonly exchanges: SlotExchange,
    private readonly shared: SharedSlots,
    private readonly live: LiveWorkers,
    private readonly activity: WorkerActivity,
  ) {
    this.rounds = new PeriodicTask(() => this.round());
    replicas.onChange(() => this.follow([...live.workers().map(({ id }) => id), ...this.holdings.keys()]));
    live.onChange(({ workerIds }) => this.follow(workerIds));
  }

  /** Whether any worker's slots must be leased. */
  get isNeeded(): boolean {
    return this.holdings.size > 0;
  }

  /** Requests of this replica that may run on the worker; `null`: its slots need no lease. */
  usable(workerId: string): number | null {
    const holding = this.holdings.get(workerId);
    if (holding === undefined) return null;
    return this.isAway ? Math.max(1, holding.usable) : holding.usable;
  }

  /** Whether what runs here on these workers was leased, so that no replica that joins can take its slots. */
  get isCovered(): boolean {
    return [...this.holdings.values()].every(
      ({ isLeased, workerId }) => isLeased || this.activity.of(workerId).inFlight === 0,
    );
  }

  /** Calls `listener` with the workers whose number of usable slots has changed. */
  onChange(listener: (workerIds: readonly string[]) => void): void {
    this.listeners.push(listener);
  }

  /** A request arrived for a model with such a worker; `isWaiting`: none of its workers could take it. */
  wake(isWaiting: boolean): void {
    const isContended = [...this.holdings.values()].some(({ requestedMs }) => requestedMs !== null);
    const pauseMs = !isWaiting ? ROUND_MS : isContended ? WAITING_ROUND_MS : SHORTEST_PAUSE_MS;
    this.rounds.runWithin(Math.max(0, this.lastRoundMs + pauseMs - performance.now()));
  }

  /** A request on the worker has ended: another replica may be waiting for its slot. */
  doneWith(workerId: string): void {
    if (this.holdings.get(workerId)?.isLeaving === true) this.rounds.runWithin(0);
  }

  /** Slots still held are deleted with the replica's row. */
  stop(): Promise<void> {
    return this.rounds.stop();
  }

  private follow(workerIds: readonly string[]): void {
    if (!this.replicas.isKnown) return;
    const nowMs = performance.now();
    for (const id of workerIds) {
      const cap = this.live.worker(id)?.maxConcurrency ?? Infinity;
      const known = this.holdings.get(id);
      if (cap < this.replicas.count) {
        const holding = known ?? new SlotHolding(id, cap, nowMs, this.shared.hasNoneOf(id) ? 0 : 1);
        holding.cap = cap;
        holding.releaseAllAtMs = null;
        this.holdings.set(id, holding);
        // Requests may be waiting already, and no other may arrive.
        if (known === undefined) this.rounds.runWithin(0);
      } else if (known !== undefined) {
        known.releaseAllAtMs ??= nowMs + SETTLE_MS;
        this.rounds.runWithin(SETTLE_MS);
      }
    }
  }

  private async round(): Promise<number | null> {
    if (!this.isBusy()) return null;
    const isFresh = performance.now() - this.lastRoundMs > AWAY_MS;
    if (isFresh && !this.isAway) this.lastGoodMs = performance.now();
    this.exchanging ??= this.exchange().finally(() => (this.exchanging = null));
    // An exchange that hangs is not started again, but the round ends without it.
    const timer = new AbortController();
    await Promise.race([this.exchanging, sleep(AWAY_MS, undefined, timer).catch(() => {})]);
    timer.abort();
    this.lastRoundMs = performance.now();
    this.updateIsAway(this.lastRoundMs);
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
      ({ held, mayHaveMore, requestedMs, releaseAllAtMs, workerId }) =>
        this.isAway ||
        held > 0 ||
        mayHaveMore ||
        requestedMs !== null ||
        releaseAllAtMs !== null ||
        this.activity.of(workerId).wanted > 0,
    );
  }

  private updateIsAway(nowMs: number): void {
    const isAway = nowMs - this.lastGoodMs >= AWAY_MS;
    if (isAway === this.isAway) return;
    this.isAway = isAway;
    this.logger.warn(
      isAway
        ? 'slots cannot be leased: each replica uses one slot of each worker that has fewer slots than there are replicas'
        : 'leasing slots again',
    );
    this.notify([...this.holdings.keys()]);
  }

  private async exchange(): Promise<void> {
    try {
      await this.exchanges.round(this.holdings, (changed) => this.notify(changed));
      this.lastGoodMs = performance.now();
      this.lastFault = '';
    } catch (error) {
      const fault = error instanceof Error ? error.message : String(error);
      if (fault !== this.lastFault) this.logger.warn(`slots cannot be leased now: ${fault}`);
      this.lastFault = fault;
    }
  }

  private notify(workerIds: readonly string[]): void {
    if (workerIds.length > 0) for (const listener of this.listeners) listener(workerIds);
  }
}
