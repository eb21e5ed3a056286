const MINUTE_MS = 60_000;

/**
 * What is left of a limit per minute: a bucket of the limit's size that refills evenly. It may be below 0: what was used is
 * known later than it was admitted. Its size comes with each call, so that a changed limit holds at once.
 */
export class Bucket {
  constructor(
    public level: number,
    public atMs: number,
  ) {}

  /** @returns the level now */
  refill(size: number, nowMs: number): number {
    const elapsedMs = Math.max(0, nowMs - this.atMs);
    this.level = Math.min(size, this.level + (size * elapsedMs) / MINUTE_MS);
    this.atMs = Math.max(this.atMs, nowMs);
    return this.level;
  }
}

/** How long a bucket of this size takes to refill from one level to another. */
export function refillMs(size: number, from: number, to: number): number {
  return Math.max(0, ((to - from) * MINUTE_MS) / size);
}
