import type { ModelPolicy } from '../../registry/models/model-policy.js';
import type { CallTimeouts } from '../../registry/worker.js';
import type { UpstreamCall } from '../../upstream/upstream-client.js';
import { UpstreamError } from '../../upstream/upstream-errors.js';
import { attemptDeadlineMs, TIMEOUT_HEADER } from '../client/deadline.js';
import type { InferenceRequest } from '../client/inference-request.js';

/**
 * The call within what is left of the request's time, and within the waits of its model where the worker names none. Field
 * by field: a spread makes an object of a shape of its own, which undici then has to search for each field.
 * @throws UpstreamError (timeout) when no time is left
 */
export function withTimeouts(
  { method, origin, path, headers, body, timeouts }: UpstreamCall,
  request: InferenceRequest,
  nowMs: number,
  own: CallTimeouts,
  policy: ModelPolicy | undefined,
  ownConnection: boolean,
): UpstreamCall {
  const totalMs = Math.min(
    own.totalMs ?? Infinity,
    Math.round(attemptDeadlineMs(request, own.totalMs) - nowMs),
  );
  if (totalMs < 1)
    throw new UpstreamError('timeout', 'no time is left', { answerBegan: false, during: 'total' });
  const connectMs = own.connectMs ?? policy?.connectMs ?? timeouts.connectMs;
  const firstByteMs = waitMs(own.firstByteMs, policy?.firstByteMs, timeouts.firstByteMs);
  const idleMs = waitMs(own.idleMs, policy?.idleMs, timeouts.idleMs);
  return {
    method,
    origin,
    path,
    headers: request.clientSetDeadline ? { ...headers, [TIMEOUT_HEADER]: String(totalMs) } : headers,
    body,
    timeouts: { connectMs, firstByteMs, idleMs, totalMs },
    freshConnection: ownConnection,
  };
}

/** Of a whole answer only the worker's own word bounds these waits: without one they are null here, and stay so. */
function waitMs(own: number | null, models: number | null | undefined, ours: number | null): number | null {
  return own ?? (ours === null ? null : (models ?? ours));
}
