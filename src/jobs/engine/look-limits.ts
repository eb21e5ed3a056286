const FIRST_MS = 2_000;
const LONGEST_MS = 60_000;

interface Pause {
  readonly untilMs: number;
  readonly inARow: number;
}

/** A worker that answers a look with 429 is not looked at for a while by this replica: all its jobs wait, not only the one. */
export class LookPauses {
  private readonly pauses = new Map<string, Pause>();

  /** What to wait without a Retry-After: 2 s, 4 s, … 60 s. */
  nextMs(workerId: string): number {
    return Math.min(FIRST_MS * 2 ** (this.pauses.get(workerId)?.inARow ?? 0), LONGEST_MS);
  }

  pause(workerId: string, ms: number, nowMs = performance.now()): void {
    const before = this.pauses.get(workerId);
    // Looks that were under way get the same answer.
    if (before !== undefined && before.untilMs > nowMs) return;
    this.pauses.set(workerId, {
      untilMs: nowMs + Math.min(ms, LONGEST_MS),
      inARow: Math.min((before?.inARow ?? 0) + 1, 10),
    });
  }

  /** It answers again. */
  answered(workerId: string, nowMs = performance.now()): void {
    const pause = this.pauses.get(workerId);
    if (pause !== undefined && pause.untilMs <= nowMs) this.pauses.delete(workerId);
  }

  paused(nowMs = performance.now()): readonly string[] {
    return [...this.pauses].flatMap(([id, { untilMs }]) => (untilMs > nowMs ? [id] : []));
  }
}

/** How many looks this replica makes now, in all and at each worker: one that hangs must not delay the others. */
export class LookSlots {
  private readonly byWorker = new Map<string, number>();
  private all = 0;

  get size(): number {
    return this.all;
  }

  /** The workers at which so many looks are made, or more. */
  full(most: number): readonly string[] {
    return [...this.byWorker].flatMap(([id, count]) => (count >= most ? [id] : []));
  }

  async during<T>(workerId: string | null, look: () => Promise<T>): Promise<T> {
    this.add(workerId, 1);
    try {
      return await look();
    } finally {
      this.add(workerId, -1);
    }
  }

  private add(workerId: string | null, change: 1 | -1): void {
    this.all += change;
    if (workerId === null) return;
    const count = (this.byWorker.get(workerId) ?? 0) + change;
    if (count === 0) this.byWorker.delete(workerId);
    else this.byWorker.set(workerId, count);
  }
}
