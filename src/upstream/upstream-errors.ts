import type { AddressDenial } from './address-rules.js';
import { type FailureKind, kindOfStatus, UpstreamError } from './failure.js';
import type { AnswerHeaders } from './headers.js';

/** What the client may see of a rejection: all of it where both speak the same API, or its message. */
export type Exposed =
  { readonly headers: AnswerHeaders; readonly bytes: Buffer } | { readonly message: string } | null;

/** The upstream answered with a status other than 2xx. */
export class UpstreamRejectedError extends UpstreamError {
  override readonly name: string = 'UpstreamRejectedError';
  /** The time of `Retry-After`; `null`: absent or unreadable. */
  readonly retryAfterMs: number | null;

  constructor(
    readonly status: number,
    retryAfter?: string,
    readonly exposed: Exposed = null,
    message = `the upstream answered ${status}`,
    kind?: FailureKind,
  ) {
    const retryAfterMs = retryAfter === undefined ? null : delayMs(retryAfter, Date.now());
    super(kind ?? kindOfStatus(status, retryAfterMs !== null), message);
    this.retryAfterMs = retryAfterMs;
  }
}

/** Seconds or a date [RFC 9110, 10.2.3]. */
function delayMs(retryAfter: string, nowMs: number): number | null {
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter) * 1000;
  const atMs = Date.parse(retryAfter);
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}

/** The upstream answered 200, and the body is an error, a web page or empty. */
export class NoAnswerError extends UpstreamRejectedError {
  override readonly name = 'NoAnswerError';

  /** @param status the status that such a body belongs to */
  constructor(status: number, why: string) {
    super(status, undefined, null, why, status === 502 ? 'no_answer' : kindOfStatus(status, false));
  }
}

/** An answer that cannot be used and says nothing about the worker's health. */
export class NeutralError extends UpstreamError {
  constructor(message: string, options?: ErrorOptions) {
    super('unusable_answer', message, options);
  }
}

/** A stream failed before it held any output: another worker may be tried. */
export class FailedBeforeOutputError extends UpstreamError {
  constructor(error: UpstreamError) {
    super('no_output', error.message, { cause: error });
  }
}

/** The error of a stream without output so far. One that would repeat at another worker stays as it is. */
export function beforeOutput(error: unknown): unknown {
  if (!(error instanceof UpstreamError)) return error;
  return error.kind === 'bad_answer' || error.kind === 'broken' ? new FailedBeforeOutputError(error) : error;
}

/** A worker's URL points where this service may not connect. Carries no part of the URL but its host. */
export class ForbiddenUpstreamError extends Error {
  override readonly name = 'ForbiddenUpstreamError';
  /** The denied address, host or scheme. */
  readonly address: string;
  readonly why: string;
  /** The setting that decides it; `null`: none does. */
  readonly setting: string | null;

  constructor(denial: AddressDenial, host: string | null = null) {
    const { address, why, setting } = denial;
    const named = host === null || host === address ? address : `${host} (${address})`;
    super(`an upstream may not be ${named}: ${why}${howToAllow(denial)}`);
    this.address = address;
    this.why = why;
    this.setting = setting;
  }
}

function howToAllow({ setting }: AddressDenial): string {
  if (setting === null) return '';
  return setting === 'UPSTREAM_DENY_CIDRS' ? '; UPSTREAM_DENY_CIDRS says so' : `; ${setting} would allow it`;
}

/** A request or an answer does not fit into the memory budget now. */
export class MemoryExhaustedError extends Error {
  override readonly name = 'MemoryExhaustedError';
  /** For Fastify. */
  readonly statusCode = 503;

  constructor() {
    super(
      'this replica holds as many bytes of requests and answers as its memory allows; try again in a moment',
    );
  }
}
