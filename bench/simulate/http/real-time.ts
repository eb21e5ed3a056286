import type { SimulationTime } from '../virtual-time.js';

/** Milliseconds of a scenario that pass in a real one. */
export const SPEED = 6;

/**
 * A scenario's time while real time passes. What happens at a moment happens as of that moment, even if the machine was
 * late for it: arrivals stay a Poisson process, and a client's wait is counted from its arrival.
 */
export class RealTime implements SimulationTime {
  private asOfMs: number | null = null;

  /** @param beganMs on the clock all processes share, milliseconds since 1970 */
  constructor(private readonly beganMs: number) {}

  nowMs(): number {
    return this.asOfMs ?? this.passedMs();
  }

  after(delayMs: number, run: () => void): () => void {
    const dueMs = this.nowMs() + delayMs;
    const then = (): void => {
      this.asOfMs = dueMs;
      run();
      this.asOfMs = null;
    };
    const inMs = (dueMs - this.passedMs()) / SPEED;
    if (inMs <= 0) {
      const soon = setImmediate(then);
      return () => clearImmediate(soon);
    }
    const timer = setTimeout(then, inMs);
    return () => clearTimeout(timer);
  }

  at(atMs: number, run: () => void): void {
    this.after(atMs - this.nowMs(), run);
  }

  /** Of the scenario's time, whatever runs at the moment. */
  passedMs(): number {
    return (performance.timeOrigin + performance.now() - this.beganMs) * SPEED;
  }
}
