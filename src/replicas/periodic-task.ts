/**
 * Runs a task repeatedly and never concurrently. Each run returns the delay until the next. Its timer is its own: Nest's
 * SchedulerRegistry clears all timers at the beginning of a shutdown, when requests still run that need the task.
 */
export class PeriodicTask {
  private isRunning = false;
  private isStopped = false;
  private turnEnds: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;
  /** By the clock of `performance.now()`; `Infinity`: none is planned. */
  private nextMs = Infinity;

  /** @param turn must not throw. @returns milliseconds to the next turn; `null`: none until `runWithin` is called */
  constructor(private readonly turn: () => Promise<number | null>) {}

  /** Starts a turn within this time, or as soon as the running one has ended. */
  runWithin(delayMs: number): void {
    const atMs = performance.now() + delayMs;
    if (this.isStopped || atMs >= this.nextMs) return;
    this.nextMs = atMs;
    if (!this.isRunning) this.schedule();
  }

  /** Waits for the running turn and starts no other. */
  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    await this.turnEnds;
  }

  private schedule(): void {
    clearTimeout(this.timer);
    if (this.isStopped || this.nextMs === Infinity) return;
    this.timer = setTimeout(
      () => {
        this.turnEnds = this.run();
      },
      Math.max(0, this.nextMs - performance.now()),
    );
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    this.nextMs = Infinity;
    const delayMs = await this.turn();
    this.isRunning = false;
    if (delayMs !== null) this.nextMs = Math.min(this.nextMs, performance.now() + delayMs);
    this.schedule();
  }
}
