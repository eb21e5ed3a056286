import type { AddressDenial } from './address-rules.js';
import { type FailureKind, kindOfStatus, UpstreamError } from './failure.js';
import type { AnswerHeaders } from './headers.js';

/** What a client may read of a rejection. */
export interface Exposed {
  /** '' where the worker gave none. */
  readonly message: string;
  /** The worker's own name of the error. */
  readonly code: string | null;
  readonly headers: AnswerHeaders;
  /** The whole body, where it is an error of the client's own API. */
  readonly bytes: Buffer | null;
  /** The request has more tokens than the model takes. */
  readonly isTooLong: boolean;
  /** The error says that the worker does not have the model. */
  readonly isModelMissing: boolean;
}

interface RejectionFacts {
  /** When the worker may be called again; `null`: it does not say. */
  readonly retryAfterMs?: number | null;
  /** `null`: nothing but that it was rejected. */
  readonly exposed?: Exposed | null;
  readonly message?: string;
  readonly kind?: FailureKind;
}

/** The upstream answered with a status other than 2xx. */
export class UpstreamRejectedError extends UpstreamError {
  override readonly name: string = 'UpstreamRejectedError';
  readonly retryAfterMs: number | null;
  readonly exposed: Exposed | null;

  constructor(
    readonly status: number,
    {
      retryAfterMs = null,
      exposed = null,
      message = `the upstream answered ${status}`,
      kind = kindOfStatus(status, retryAfterMs !== null),
    }: RejectionFacts = {},
  ) {
    super(kind, message);
    this.retryAfterMs = retryAfterMs;
    this.exposed = exposed;
  }
}

/** The upstream answered 200, and the body is an error, a web page or empty. */
export class NoAnswerError extends UpstreamRejectedError {
  override readonly name = 'NoAnswerError';

  /** @param status the status that such a body belongs to */
  constructor(status: number, message: string, exposed: Exposed | null = null) {
    super(status, { message, exposed, kind: status === 502 ? 'no_answer' : kindOfStatus(status, false) });
  }
}

const BAD_GATEWAY = 502;

/** The status of an error that comes in the middle of a stream. */
export function statusInStream(error: unknown): number {
  return error instanceof UpstreamRejectedError ? (error.failure.status ?? error.status) : BAD_GATEWAY;
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
    super('no_output', error.message, { cause: error, forClient: error.forClient });
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
