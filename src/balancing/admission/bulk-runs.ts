import type { AcquiredWorker } from '../pool/acquired-worker.js';
import { accrued, type Cuttable, type Floor, victimOf } from './bulk-rules.js';
import type { Cut } from './waiter.js';

/** How long bulk is taken to run until one request has ended: as long as the queue is by default. */
const UNKNOWN_USUAL_MS = 10_000;
/** Weight of the last request in the usual time: it follows the last ten. */
const USUAL_WEIGHT = 0.1;

interface BulkRun extends Cuttable {
  readonly acquired: AcquiredWorker;
  readonly handle: Cut | undefined;
  /** What it took from the floor's credit. */
  readonly chargedMs: number;
  isCut: boolean;
}

/** The bulk requests that run: what they are owed, how long they usually take, which of them makes room for another request. */
export class BulkRuns {
  private readonly runs = new Map<AcquiredWorker, BulkRun>();
  private floor: Floor = { creditMs: 0, atMs: 0 };
  private isWaiting = false;
  private knownUsualMs: number | null = null;
  private beingCut = 0;
  private forFree = 0;

  get size(): number {
    return this.runs.size;
  }

  get usualMs(): number {
    return this.knownUsualMs ?? UNKNOWN_USUAL_MS;
  }

  /** Bulk waits and has had less than its floor: the next free slot is its. */
  get isOwed(): boolean {
    return this.floor.creditMs >= this.usualMs;
  }

  /** Bulk waits now. To be called often while it does. @param running requests of all classes */
  waits(running: number, nowMs: number): void {
    this.floor = this.isWaiting
      ? accrued(this.floor, nowMs, running, this.forFree, this.usualMs)
      : { ...this.floor, atMs: nowMs };
    this.isWaiting = true;
  }

  /** No bulk waits: it is owed nothing. */
  noneWaits(): void {
    this.isWaiting = false;
    this.floor = { ...this.floor, creditMs: Math.min(0, this.floor.creditMs) };
  }

  /** @param isOwed it was started out of the floor */
  begin(acquired: AcquiredWorker, handle: Cut | undefined, isOwed: boolean, nowMs: number): void {
    const chargedMs = isOwed ? this.usualMs : 0;
    this.charge(chargedMs);
    if (!isOwed) this.forFree += 1;
    const { worker, isTrial } = acquired;
    this.runs.set(acquired, {
      acquired,
      handle,
      startedMs: nowMs,
      isOwed,
      chargedMs,
      isCut: false,
      cuts: handle?.cuts ?? 0,
      mayCut: () => !isTrial && worker.isAvailable && handle?.mayCut(worker.id) === true,
    });
  }

  /** The request no longer runs. Without effect on others than bulk. */
  end(acquired: AcquiredWorker, isServed: boolean, nowMs: number): void {
    const run = this.runs.get(acquired);
    if (run === undefined) return;
    this.runs.delete(acquired);
    const ranMs = nowMs - run.startedMs;
    if (run.isCut) this.beingCut -= 1;
    if (run.isOwed) this.charge(ranMs - run.chargedMs);
    else this.forFree -= 1;
    if (isServed)
      this.knownUsualMs = (this.knownUsualMs ?? ranMs) * (1 - USUAL_WEIGHT) + ranMs * USUAL_WEIGHT;
  }

  /** Cuts one request, unless as many are being cut as requests wait for room. @param tried workers that are of no use */
  makeRoom(waiting: number, tried: ReadonlySet<string>, nowMs: number): void {
    if (this.runs.size === 0 || this.beingCut >= waiting) return;
    const others = [...this.runs.values()].filter(
      ({ isCut, acquired }) => !isCut && !tried.has(acquired.worker.id),
    );
    const victim = victimOf(others, nowMs, this.usualMs);
    if (victim === null) return;
    victim.isCut = true;
    this.beingCut += 1;
    victim.handle?.cut();
  }

  private charge(ms: number): void {
    this.floor = { ...this.floor, creditMs: this.floor.creditMs - ms };
  }
}
