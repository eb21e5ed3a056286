import type { SimulationTime } from '../virtual-time.js';

/** Milliseconds of a scenario per real millisecond. */
export const SPEED = 6;

/**
 * The time of a scenario while real time passes. An event happens as of its scheduled time, even if the machine was
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

  /** The current time of the scenario. */
  passedMs(): number {
    return (performance.timeOrigin + performance.now() - this.beganMs) * SPEED;
  }
}
