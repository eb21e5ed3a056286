import type { CallTimeouts } from '../../registry/worker.js';
import type { ModelPolicy } from '../../registry/models/model-policy.js';
import type { CancelSignal } from '../../upstream/exchange.js';
import { UpstreamError } from '../../upstream/failure.js';
import { OpenAnswer } from '../../upstream/open-answer.js';
import type { UpstreamCall, UpstreamClient } from '../../upstream/upstream-client.js';
import type { UpstreamAnswer } from '../../upstream/whole-answer.js';
import { type Exposes, rejectionOf } from '../chat/rejection.js';
import { attemptDeadlineMs, TIMEOUT_HEADER } from '../client/request-headers.js';
import type { InferenceRequest } from '../client/inference-request.js';

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
    /** The longest silence for the client of a stream. */
    readonly heartbeatMs: number,
  ) {}

  /** The upstream's share of the time so far. */
  get upstreamMs(): number {
    return performance.now() - this.startedMs;
  }

  /** @throws UpstreamError */
  send(): Promise<UpstreamAnswer> {
    return this.sent(this.call);
  }

  /** The whole answer, or a large one that has begun. @throws UpstreamError */
  async sendOrOpen(): Promise<UpstreamAnswer | OpenAnswer> {
    const answer = await this.upstream.sendOrOpen(this.call, this.signal);
    if (answer instanceof OpenAnswer || isSuccess(answer.status)) return answer;
    throw rejectionOf(answer.status, answer.headers, answer.bytes, this.exposes);
  }

  /** One of several calls that make up the attempt. @throws UpstreamError */
  sendPart(body: string): Promise<UpstreamAnswer> {
    const { timeouts } = this.call;
    const totalMs = Math.floor(timeouts.totalMs - this.upstreamMs);
    if (totalMs < 1) throw new UpstreamError('total_timeout', 'the time limit of the request passed');
    return this.sent({ ...this.call, body, timeouts: { ...timeouts, totalMs } });
  }

  private async sent(call: UpstreamCall): Promise<UpstreamAnswer> {
    const answer = await this.upstream.send(call, this.signal);
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

/**
 * The call with its timeouts: the worker's own, else the model's, within the time left for the request. Copied field by
 * field: a spread makes an object of another shape, which costs undici a search for each field.
 * @throws UpstreamError total_timeout when the time limit of the request passed before this worker was called
 */
export function withTimeouts(
  { method, origin, path, headers, body, timeouts }: UpstreamCall,
  request: InferenceRequest,
  nowMs: number,
  own: CallTimeouts,
  policy: ModelPolicy | undefined,
  freshConnection: boolean,
): UpstreamCall {
  const totalMs = Math.min(
    own.totalMs ?? Infinity,
    Math.round(attemptDeadlineMs(request, own.totalMs) - nowMs),
  );
  if (totalMs < 1)
    throw new UpstreamError(
      'total_timeout',
      'the time limit of the request passed before this worker was called',
    );
  const connectMs = own.connectMs ?? policy?.connectMs ?? timeouts.connectMs;
  const firstByteMs = timeoutMs(own.firstByteMs, policy?.firstByteMs, timeouts.firstByteMs);
  const idleMs = timeoutMs(own.idleMs, policy?.idleMs, timeouts.idleMs);
  return {
    method,
    origin,
    path,
    headers: request.clientSetDeadline ? { ...headers, [TIMEOUT_HEADER]: String(totalMs) } : headers,
    body,
    timeouts: { connectMs, firstByteMs, idleMs, totalMs },
    freshConnection,
  };
}

/** Whole answers have this timeout only if the worker sets it: it is null in the call, and stays so. */
function timeoutMs(
  own: number | null,
  ofModel: number | null | undefined,
  ofCall: number | null,
): number | null {
  return own ?? (ofCall === null ? null : (ofModel ?? ofCall));
}
