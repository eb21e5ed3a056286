import type { AnswerHeaders } from './exchange.js';

/** The upstream answered with a status that is no success. */
export class UpstreamStatusError extends Error {
  override readonly name = 'UpstreamStatusError';
  /** What its `Retry-After` asks for; `null`: it has none, or none that can be read. */
  readonly retryAfterMs: number | null;

  constructor(
    readonly status: number,
    retryAfter: string | undefined,
    /** As it came, for callers who speak the same language. */
    readonly answer: { readonly headers: AnswerHeaders; readonly bytes: Buffer } | null = null,
  ) {
    super(`the upstream answered ${status}`);
    this.retryAfterMs = retryAfter === undefined ? null : delayMs(retryAfter, Date.now());
  }
}

/** Seconds or a date [RFC 9110, 10.2.3]. */
function delayMs(retryAfter: string, nowMs: number): number | null {
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter) * 1000;
  const atMs = Date.parse(retryAfter);
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}
