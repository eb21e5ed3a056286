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
