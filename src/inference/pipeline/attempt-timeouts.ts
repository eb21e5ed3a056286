import type { ModelPolicy } from '../../registry/models/model-policy.js';
import type { CallTimeouts } from '../../registry/worker.js';
import type { UpstreamCall } from '../../upstream/upstream-client.js';
import { UpstreamError } from '../../upstream/failure.js';
import { attemptDeadlineMs, TIMEOUT_HEADER } from '../client/deadline.js';
import type { InferenceRequest } from '../client/inference-request.js';

/**
 * The call with its timeouts: the worker's own, else the model's, within the time left for the request. Copied field by
 * field: a spread makes an object of another shape, which costs undici a search for each field.
 * @throws UpstreamError total_timeout when no time is left
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
  if (totalMs < 1) throw new UpstreamError('total_timeout', 'no time is left');
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
