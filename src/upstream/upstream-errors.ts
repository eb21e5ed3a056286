import type { AddressDenial } from './address-rules.js';

/**
 * connect               no connection was made: refused, unresolvable, no route, TLS failed. Nothing was sent.
 * closed_before_answer  the request was sent; the connection ended before a byte of the answer came.
 * broken                the answer began and did not end.
 * timeout               see `during`.
 * malformed             what came is no HTTP, or in a coding we cannot read; or the request cannot be written.
 * too_large             the answer is larger than allowed.
 * forbidden             the upstream guard refused the address.
 * aborted               the caller gave up, or this service is closing.
 */
export type UpstreamErrorKind =
  | 'connect'
  | 'closed_before_answer'
  | 'broken'
  | 'timeout'
  | 'malformed'
  | 'too_large'
  | 'forbidden'
  | 'aborted';

export type TimeoutPhase = 'connect' | 'first_byte' | 'idle' | 'total';

export interface UpstreamErrorFacts {
  /** Whether any byte of an answer had come: after that, a retry may do the work twice. */
  readonly answerBegan: boolean;
  /** Which wait ran out, for `timeout`. */
  readonly during?: TimeoutPhase;
  /** The connection had served other calls before: for `closed_before_answer`, the server may just have been done with it. */
  readonly reusedConnection?: boolean;
  readonly cause?: unknown;
}

/** Messages name hosts, codes and sizes; never a header's value, a path or a query. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly kind: UpstreamErrorKind;
  readonly answerBegan: boolean;
  readonly during?: TimeoutPhase;
  readonly reusedConnection: boolean;

  constructor(kind: UpstreamErrorKind, message: string, facts: UpstreamErrorFacts) {
    const { answerBegan, during, reusedConnection = false, cause } = facts;
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.answerBegan = answerBegan;
    this.reusedConnection = reusedConnection;
    if (during !== undefined) this.during = during;
  }
}

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

/** The upstream says success, and what came is no answer: an error, a web page, nothing. */
export class NoAnswerError extends UpstreamStatusError {
  /** @param status that would have said so */
  constructor(status: number, why: string) {
    super(status, undefined);
    this.message = why;
  }
}

/** An answer that cannot be used and says nothing about its worker's health: the same worker may serve the next request. */
export class NeutralError extends UpstreamError {
  constructor(message: string, options?: ErrorOptions) {
    super('malformed', message, { answerBegan: true, cause: options?.cause });
  }
}

/** A stream failed before it held anything of an answer: another worker may be asked, as after a 502. */
export class FailedBeforeOutputError extends UpstreamError {
  constructor(error: UpstreamError) {
    super(error.kind, error.message, { answerBegan: error.answerBegan, cause: error });
  }
}

/** The error of a stream that held nothing yet. What the whole answer would fail by elsewhere, too, stays what it is. */
export function beforeOutput(error: unknown): unknown {
  if (!(error instanceof UpstreamError) || error instanceof NeutralError) return error;
  return error.kind === 'malformed' || error.kind === 'broken' ? new FailedBeforeOutputError(error) : error;
}

const howToAllow = ({ setting }: AddressDenial): string => {
  switch (setting) {
    case null:
      return '';
    case 'UPSTREAM_DENY_CIDRS':
      return '; UPSTREAM_DENY_CIDRS says so';
    default:
      return `; ${setting} would allow it`;
  }
};

/** A worker's URL points where this service may not go. Carries no part of the URL but its host. */
export class ForbiddenUpstreamError extends Error {
  override readonly name = 'ForbiddenUpstreamError';
  /** What was refused: an address, a host or a scheme. */
  readonly address: string;
  readonly why: string;
  /** The setting that decides it; null where none does. */
  readonly setting: string | null;

  constructor(refusal: AddressDenial, host: string | null = null) {
    const { address, why, setting } = refusal;
    const named = host === null || host === address ? address : `${host} (${address})`;
    super(`an upstream may not be ${named}: ${why}${howToAllow(refusal)}`);
    this.address = address;
    this.why = why;
    this.setting = setting;
  }
}

export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;
