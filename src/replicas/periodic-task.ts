import type { SchedulerRegistry } from '@nestjs/schedule';

/** Runs a task repeatedly and never concurrently. Each run returns the delay until the next. */
export class PeriodicTask {
  private isRunning = false;
  private isStopped = false;
  private turnEnds: Promise<void> = Promise.resolve();
  /** By the clock of `performance.now()`; `Infinity`: none is planned. */
  private nextMs = Infinity;

  /** @param turn must not throw. @returns milliseconds to the next turn; `null`: none until `runWithin` is called */
  constructor(
    private readonly name: string,
    private readonly schedules: SchedulerRegistry,
    private readonly turn: () => Promise<number | null>,
  ) {}

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
    this.unschedule();
    await this.turnEnds;
  }

  private schedule(): void {
    this.unschedule();
    if (this.isStopped || this.nextMs === Infinity) return;
    const timer = setTimeout(
      () => {
        this.schedules.deleteTimeout(this.name);
        this.turnEnds = this.run();
      },
      Math.max(0, this.nextMs - performance.now()),
    );
    this.schedules.addTimeout(this.name, timer);
  }

  private unschedule(): void {
    if (this.schedules.doesExist('timeout', this.name)) this.schedules.deleteTimeout(this.name);
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
