import { randomUUID } from 'node:crypto';
import { rankOf } from '../../config/balancing-settings.js';
import { smallestRequest } from '../../registry/calls/smallest-request.js';
import type { Worker, WorkerCall } from '../../registry/worker.js';
import type { UpstreamCall, UpstreamClient } from '../../upstream/upstream-client.js';
import { FAILURES, kindOfStatus, UpstreamError } from '../../upstream/failure.js';
import { retryAfterMs } from '../../upstream/retry-after.js';
import type { UpstreamAnswer } from '../../upstream/whole-answer.js';
import type { ProbeFailure } from '../evaluation/health-state.js';
import { ownFaultOf } from './probe-connection.js';
import { failed, type ProbeResult, succeeded } from './probe-result.js';
import type { InferenceTarget } from './probe-target.js';

/** One real call; succeeds when an answer can be read from the response. Never throws. */
export async function probeInference(
  target: InferenceTarget,
  client: UpstreamClient,
  stop: AbortSignal,
): Promise<ProbeResult> {
  const startedMs = performance.now();
  const elapsedMs = (): number => performance.now() - startedMs;
  try {
    const answer = await client.send(callOf(target), stop);
    const seen = `an inference answered ${answer.status} in ${Math.round(elapsedMs())} ms`;
    // A throttled worker is alive.
    if (isThrottled(answer)) return succeeded(`reachable only: ${seen}`, elapsedMs());
    if (answer.status < 200 || answer.status >= 300) return failed('answer', seen, elapsedMs());
    target.read(answer);
    return succeeded(seen, elapsedMs());
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return failed(failureOf(error), `an inference failed: ${why}`, elapsedMs(), false, ownFaultOf(error));
  }
}

function isThrottled({ status, headers }: UpstreamAnswer): boolean {
  const hasTime = retryAfterMs(headers, Date.now()) !== null;
  return status >= 400 && FAILURES[kindOfStatus(status, hasTime)].verdict === 'throttled';
}

function failureOf(error: unknown): ProbeFailure {
  if (!(error instanceof UpstreamError)) return 'answer';
  if (error.kind === 'total_timeout') return 'timeout';
  return error.failure.retryOn === 'connection' ? 'connection' : 'answer';
}

function callOf({ render, timeoutMs }: InferenceTarget): UpstreamCall {
  const rendered = render(`health-${randomUUID()}`);
  const connectMs = Math.min(rendered.timeouts.connectMs, timeoutMs);
  const timeouts = { connectMs, firstByteMs: null, idleMs: null, totalMs: timeoutMs };
  // A kept-alive connection may be one that the server has just closed, which says nothing about its health.
  return { ...rendered, timeouts, freshConnection: true };
}

/** A worker's own call with the smallest request of its task; `null`: its task has none. */
export function smallestCall(
  worker: Worker,
  call: WorkerCall,
  prompt: string,
): Pick<InferenceTarget, 'render' | 'read'> | null {
  const messages = [{ role: 'user', content: prompt }];
  if (call.kind === 'api') {
    const smallest = smallestRequest(call, worker.task, call.upstreamModel ?? worker.modelName, prompt);
    if (smallest === null) return null;
    const { path, body } = smallest;
    const request = {
      method: 'POST',
      path,
      body: JSON.stringify(body),
      contentType: 'application/json',
    } as const;
    // A 200 of a server with a known API is proof enough.
    return {
      render: (id) => call.render({ ...request, isStream: false }, { 'x-request-id': id }),
      read: () => {},
    };
  }
  const values = {
    USER_PROMPT: prompt,
    MODEL_NAME: call.upstreamModel ?? worker.modelName,
    MODEL_TEMPERATURE: worker.defaults.temperature,
    MAX_TOKENS: 1,
    MESSAGES: messages,
    HISTORY: [],
    INPUT: prompt,
    STREAM: false,
    PRIORITY: rankOf('default'),
  };
  return {
    render: (id) => call.render({ ...values, REQUEST_ID: id }, {}),
    read: (answer) => call.extract(answer),
  };
}
