import type { CancelSignal } from '../../upstream/exchange.js';
import type { AnswerHeaders } from '../../upstream/headers.js';
import type { OpenAnswer } from '../../upstream/open-answer.js';
import type { UpstreamCall, UpstreamClient } from '../../upstream/upstream-client.js';
import { type Exposed, UpstreamRejectedError } from '../../upstream/upstream-errors.js';
import type { UpstreamAnswer } from '../../upstream/whole-answer.js';
import { errorMessageOf } from '../chat/error-body.js';

/** What of a rejection the client may see: all of it where worker and client speak the same API; its message; nothing. */
export type Exposes = 'response' | 'message' | 'nothing';

/** One attempt at one worker. */
export class Attempt {
  readonly startedMs = performance.now();

  constructor(
    readonly workerId: string,
    /** The model that answers: the requested one, or a fallback of it. */
    readonly model: string,
    /** Attempts so far, this one included. */
    readonly number: number,
    private readonly upstream: UpstreamClient,
    private readonly call: UpstreamCall,
    private readonly exposes: Exposes,
    private readonly signal: CancelSignal | null,
    /** So long the client of a stream may hear nothing. */
    readonly heartbeatMs: number,
  ) {}

  /** The upstream's share of the time so far. */
  get upstreamMs(): number {
    return performance.now() - this.startedMs;
  }

  /** @throws UpstreamError */
  async send(): Promise<UpstreamAnswer> {
    const answer = await this.upstream.send(this.call, this.signal);
    if (isSuccess(answer.status)) return answer;
    throw rejectionOf(answer.status, answer.headers, answer.bytes, this.exposes);
  }

  /** Resolves with the first chunk. @throws UpstreamError */
  async open(): Promise<OpenAnswer> {
    const answer = await this.upstream.open(this.call, this.signal, this.heartbeatMs);
    if (isSuccess(answer.status)) return answer;
    // The body of a rejection is small.
    throw rejectionOf(answer.status, answer.headers, await answer.readAll(), this.exposes);
  }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function rejectionOf(
  status: number,
  headers: AnswerHeaders,
  bytes: Buffer,
  exposes: Exposes,
): UpstreamRejectedError {
  const retryAfter = headers['retry-after'];
  return new UpstreamRejectedError(
    status,
    typeof retryAfter === 'string' ? retryAfter : undefined,
    exposedOf(status, headers, bytes, exposes),
  );
}

/** Statuses that the client can act on. */
const CLIENT_STATUSES: ReadonlySet<number> = new Set([400, 413, 422, 429]);

function exposedOf(status: number, headers: AnswerHeaders, bytes: Buffer, exposes: Exposes): Exposed {
  switch (exposes) {
    case 'response':
      // Redirects and our credentials stay between the worker and the manager.
      return status < 400 || (status >= 401 && status <= 403) ? null : { headers, bytes };
    case 'message': {
      const message = CLIENT_STATUSES.has(status) ? errorMessageOf(bytes.toString()) : undefined;
      return message === undefined ? null : { message };
    }
    case 'nothing':
      return null;
  }
}
