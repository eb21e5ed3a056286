const SLICES = 10;

/** Counts events of the last while, at a constant cost for any number. */
export class RateWindow {
  private readonly counts = Array.from({ length: SLICES }, () => 0);
  private readonly sliceMs: number;
  private slice = -Infinity;
  private sum = 0;

  constructor(readonly windowMs: number) {
    this.sliceMs = windowMs / SLICES;
  }

  add(nowMs: number): void {
    const at = this.moveTo(nowMs);
    this.counts[at] = (this.counts[at] ?? 0) + 1;
    this.sum += 1;
  }

  /** In the window that ends now. */
  count(nowMs: number): number {
    this.moveTo(nowMs);
    return this.sum;
  }

  private moveTo(nowMs: number): number {
    const slice = Math.max(this.slice, Math.floor(nowMs / this.sliceMs));
    for (let old = Math.max(this.slice + 1, slice - SLICES + 1); old <= slice; old++) {
      const at = old % SLICES;
      this.sum -= this.counts[at] ?? 0;
      this.counts[at] = 0;
    }
    this.slice = slice;
    return slice % SLICES;
  }
}
