/** Time, as far as waiting needs it: the real one, or one in which an hour passes in a second. */
export interface Clock {
  /** Never goes back. */
  nowMs(): number;
  /** @returns cancels it */
  after(delayMs: number, run: () => void): () => void;
}

export const REAL_CLOCK: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
