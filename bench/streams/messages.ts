import type { Target } from '../messages.js';

/** A command to the load generator. */
export interface StreamRequest {
  readonly target: Target;
  readonly streams: number;
}

/** Its result. */
export interface StreamResult {
  readonly chunks: number;
  /** Streams that ended without their last event. */
  readonly failed: number;
  readonly seconds: number;
  /** The time from the sending of a chunk by the upstream to its arrival. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}
