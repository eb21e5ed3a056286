import type { ApiCall, Worker, WorkerCall } from '../../registry/worker.js';
import type { InferenceTarget } from './probe-target.js';

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
