/** The request that is repeated. */
export interface Target {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A command to the load generator. */
export interface LoadRequest {
  readonly target: Target;
  readonly concurrency: number;
  readonly durationMs: number;
}

/** Its result; every answer was a 200. */
export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** CPU and memory that a process has used since it started. */
export interface Usage {
  /** User and system time of all threads. */
  readonly cpuMs: number;
  readonly rssMiB: number;
}
