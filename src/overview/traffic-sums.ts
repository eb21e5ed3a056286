import { addCounts, type FirstTokens, noFirstTokens } from '../telemetry/first-tokens.js';
import { add, type Counts, noCounts } from './traffic.js';

export const MINUTE_MS = 60_000;
const BUCKET_MS = 300_000;
const HOUR_MS = 3_600_000;

/** A minute of this replica, as `replica_minute` has it. */
export interface MinuteRow {
  readonly minuteMs: number;
  readonly counts: Counts;
  /** Means. */
  readonly running: number;
  readonly waiting: number;
}

interface Slot {
  readonly endMs: number;
  readonly counts: Counts;
}

interface OpenMinute {
  readonly minuteMs: number;
  readonly counts: Counts;
  running: number;
  waiting: number;
  samples: number;
}

/** Sums counts that come every few seconds: of the last 60 s, and minute by minute. */
export class MinuteSums {
  private slots: readonly Slot[] = [];
  private open: OpenMinute | null = null;
  private closed: readonly MinuteRow[] = [];

  add(counts: Counts, running: number, waiting: number, nowMs: number): void {
    const kept = this.slots.filter(({ endMs }) => endMs > nowMs - MINUTE_MS);
    this.slots = counts.requests === 0 ? kept : [...kept, { endMs: nowMs, counts }];
    const minuteMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
    if (this.open?.minuteMs !== minuteMs) this.close();
    this.open ??= { minuteMs, counts: noCounts(), running: 0, waiting: 0, samples: 0 };
    add(this.open.counts, counts);
    this.open.running += running;
    this.open.waiting += waiting;
    this.open.samples += 1;
  }

  lastMinute(nowMs: number): Counts {
    const sum = noCounts();
    for (const { endMs, counts } of this.slots) if (endMs > nowMs - MINUTE_MS) add(sum, counts);
    return sum;
  }

  /** The minutes that are over and were not idle; each until it is `written`. */
  get unwritten(): readonly MinuteRow[] {
    return this.closed;
  }

  written(rows: readonly MinuteRow[], nowMs: number): void {
    // Older ones are of no use to the last hour.
    this.closed = this.closed.filter((row) => !rows.includes(row) && row.minuteMs > nowMs - 61 * MINUTE_MS);
  }

  /** Also a minute that is not over. */
  close(): void {
    const { open } = this;
    this.open = null;
    if (open === null) return;
    const { minuteMs, counts, samples } = open;
    const [running, waiting] = [open.running / samples, open.waiting / samples];
    if (counts.requests > 0 || running > 0 || waiting > 0)
      this.closed = [...this.closed, { minuteMs, counts, running, waiting }].slice(-60);
  }
}

interface WorkerSum {
  readonly workerId: string;
  readonly atMs: number;
  requests: number;
  failed: number;
  firstTokens: FirstTokens | null;
}

/** Sums what workers served in five minutes. A row that is written again has the whole sum, so that it may be written twice. */
export class WorkerSums {
  private readonly sums = new Map<string, WorkerSum>();
  private readonly changed = new Set<WorkerSum>();

  add(
    attempts: ReadonlyMap<string, { readonly attempts: number; readonly failed: number }>,
    firstTokens: ReadonlyMap<string, FirstTokens>,
    nowMs: number,
  ): void {
    const atMs = Math.floor(nowMs / BUCKET_MS) * BUCKET_MS;
    for (const [id, count] of attempts) {
      const sum = this.of(id, atMs);
      sum.requests += count.attempts;
      sum.failed += count.failed;
    }
    for (const [id, counts] of firstTokens)
      addCounts((this.of(id, atMs).firstTokens ??= noFirstTokens()), counts);
    // The last bucket's sums are kept by `changed` until they are written.
    for (const [id, sum] of this.sums) if (sum.atMs !== atMs) this.sums.delete(id);
  }

  /** @returns up to `most` sums that changed, which count as written unless they are restored */
  take(most: number): readonly WorkerSum[] {
    const taken: WorkerSum[] = [];
    for (const sum of this.changed) {
      if (taken.length >= most) break;
      taken.push(sum);
    }
    for (const sum of taken) this.changed.delete(sum);
    return taken;
  }

  /** Those that could not be written, as far as they belong to the last hour. */
  restore(sums: readonly WorkerSum[], nowMs: number): void {
    for (const sum of sums) if (sum.atMs > nowMs - HOUR_MS) this.changed.add(sum);
  }

  get size(): number {
    return this.changed.size;
  }

  private of(workerId: string, atMs: number): WorkerSum {
    let sum = this.sums.get(workerId);
    if (sum?.atMs !== atMs)
      this.sums.set(workerId, (sum = { workerId, atMs, requests: 0, failed: 0, firstTokens: null }));
    this.changed.add(sum);
    return sum;
  }
}
