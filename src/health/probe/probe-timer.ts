/** Ends a probe when its time is up, or when `stop` says so, and keeps no hold on `stop` afterwards. */
export class ProbeTimer {
  private readonly controller = new AbortController();
  private readonly startedAt = performance.now();
  private readonly timer: NodeJS.Timeout;
  private readonly abort = (): void => this.controller.abort();

  constructor(
    timeoutMs: number,
    private readonly stop: AbortSignal,
  ) {
    this.timer = setTimeout(this.abort, timeoutMs);
    stop.addEventListener('abort', this.abort);
    if (stop.aborted) this.abort();
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Whether it was ended before its time; a failure after that says nothing of the worker. */
  get over(): boolean {
    return this.controller.signal.aborted;
  }

  get elapsedMs(): number {
    return performance.now() - this.startedAt;
  }

  clear(): void {
    clearTimeout(this.timer);
    this.stop.removeEventListener('abort', this.abort);
  }
}
