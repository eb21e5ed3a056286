import { randomUUID } from 'node:crypto';
import { UpstreamError } from '../../upstream/upstream-errors.js';
import type { UpstreamCall, UpstreamClient } from '../../upstream/upstream-client.js';
import type { InferenceTarget } from './probe-target.js';
import { type ProbeResult, succeeded, failed } from './probe-result.js';
import type { Worker, WorkerCall, ApiCall } from '../../registry/worker.js';

const TOO_MANY_REQUESTS = 429;

/** One real call: well if an answer can be read out of it. Never throws. */
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
    // Busy is not sick.
    if (answer.status === TOO_MANY_REQUESTS) return succeeded(`reachable only: ${seen}`, elapsedMs(), false);
    if (answer.status < 200 || answer.status >= 300) return failed(seen, elapsedMs());
    target.read(answer);
    return succeeded(seen, elapsedMs(), false);
  } catch (error) {
    const isSilent = error instanceof UpstreamError && error.kind === 'timeout' && error.during !== 'connect';
    const why = error instanceof Error ? error.message : String(error);
    return failed(`an inference failed: ${why}`, elapsedMs(), { isSilent });
  }
}

function callOf({ render, timeoutMs }: InferenceTarget): UpstreamCall {
  const rendered = render(`health-${randomUUID()}`);
  const connectMs = Math.min(rendered.timeouts.connectMs, timeoutMs);
  const timeouts = { connectMs, firstByteMs: null, idleMs: null, totalMs: timeoutMs };
  // A kept connection may be one that the server has just closed: that would be no sign of illness.
  return { ...rendered, timeouts, freshConnection: true };
}

/** A worker's own call with a chat as short as chats can be. */
export function smallestCall(
  worker: Worker,
  call: WorkerCall,
  prompt: string,
): Pick<InferenceTarget, 'render' | 'read'> {
  const messages = [{ role: 'user', content: prompt }];
  if (call.kind === 'api') {
    const { path, body } = smallestOf(call, call.upstreamModel ?? worker.modelName, prompt, messages);
    const request = {
      method: 'POST',
      path,
      body: JSON.stringify(body),
      contentType: 'application/json',
    } as const;
    // That it answered 200 says enough of a server whose API is known.
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
  };
  return {
    render: (id) => call.render({ ...values, REQUEST_ID: id }, {}),
    read: (answer) => call.extract(answer),
  };
}

function smallestOf({ protocol }: ApiCall, model: string, prompt: string, messages: readonly object[]) {
  switch (protocol) {
    case 'openai':
      return { path: '/chat/completions', body: { model, messages, max_tokens: 1 } };
    case 'anthropic':
      return { path: '/messages', body: { model, messages, max_tokens: 1 } };
    case 'gemini':
      return {
        path: `/models/${encodeURIComponent(model)}:generateContent`,
        body: {
          contents: [{ role: 'user', parts: [{ text: prompt }] }],
          generationConfig: { maxOutputTokens: 1 },
        },
      };
  }
}
