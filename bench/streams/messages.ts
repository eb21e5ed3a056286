import type { Target } from '../messages.js';

/** To the process that makes the load. */
export interface StreamRequest {
  readonly target: Target;
  readonly streams: number;
}

/** What came of it. */
export interface StreamResult {
  readonly chunks: number;
  /** Streams that did not come to their `[DONE]`. */
  readonly failed: number;
  readonly seconds: number;
  /** From when a chunk left the upstream to when it was here. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}
