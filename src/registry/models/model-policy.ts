import type { Priority, Strategy } from '../../config/balancing-settings.js';

/** Failures after which another worker may be tried. `timeout`: of a stream that did not begin. */
export const RETRY_CAUSES = [
  'connection',
  '429',
  '500',
  '502',
  '503',
  '504',
  'timeout',
  'credentials',
] as const;
export type RetryCause = (typeof RETRY_CAUSES)[number];

/** For a million tokens, an image, a second; `null`: none. */
export interface ModelPrice {
  /** Three letters. */
  readonly currency: string;
  readonly input: number | null;
  readonly output: number | null;
  /** `null`: as `input`. */
  readonly cachedInput: number | null;
  readonly image: number | null;
  readonly second: number | null;
}

/** The policy for all workers of one model, for the hot path; `null`: the settings decide. */
export interface ModelPolicy {
  readonly name: string;
  readonly strategy: Strategy | null;
  /** Models that are tried in this order when none of its workers can answer. */
  readonly fallbacks: readonly string[];
  /** Further workers that are tried after a failure, 0 to 10. */
  readonly retries: number | null;
  readonly retryOn: ReadonlySet<RetryCause> | null;
  /** Requests that may wait for the model on one replica. */
  readonly queueMax: number | null;
  readonly queueWaitMs: number | null;
  /** How long a request waits for a worker that is being woken. */
  readonly holdMs: number | null;
  /** The class of requests that name none, of keys that name none. */
  readonly priority: Priority | null;
  /** The share of the slots, 0.05 to 1, that bulk may take while other requests come. */
  readonly bulkShare: number | null;
  readonly connectMs: number | null;
  readonly firstByteMs: number | null;
  readonly idleMs: number | null;
  /** For a whole request, all attempts and fallbacks together. */
  readonly totalMs: number | null;
  /** `null`: what it is used for costs nothing that is known. */
  readonly price: ModelPrice | null;
  /** Changes with every change of the row. */
  readonly version: string;
}
