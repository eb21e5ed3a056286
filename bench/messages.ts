/** Where to send what, again and again. */
export interface Target {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** To the process that makes the load. */
export interface LoadRequest {
  readonly target: Target;
  readonly concurrency: number;
  readonly durationMs: number;
}

/** What came of it; every answer was a 200. */
export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What a process has used since it started. */
export interface Usage {
  /** User and system, of all its threads. */
  readonly cpuMs: number;
  readonly rssMiB: number;
}
