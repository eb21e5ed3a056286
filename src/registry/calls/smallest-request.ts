import type { JsonObject } from '../../input/json.js';
import { geminiModel } from '../profiles/google-rules.js';
import type { ApiCall, ApiProtocol, WorkerProtocol, WorkerTask } from '../worker.js';

interface SmallestRequest {
  /** Below the worker's base URL. */
  readonly path: string;
  readonly body: JsonObject;
}

/** Enough for reasoning models, which answer 400 when they cannot finish a thought. */
const REASONING_TOKENS = 64;

type Build = (model: string, prompt: string, profile: ApiCall['profile']) => SmallestRequest;

/** By the task of the worker; a task that is left out has no small request, or none that costs little. */
const REQUESTS: Readonly<Record<ApiProtocol, Partial<Record<WorkerTask, Build>>>> = {
  openai: {
    chat: (model, prompt, { token_limit: limit }) => ({
      path: '/chat/completions',
      body: {
        model,
        messages: chat(prompt),
        [limit ?? 'max_tokens']: limit === 'max_completion_tokens' ? REASONING_TOKENS : 1,
      },
    }),
    completion: (model, prompt) => ({ path: '/completions', body: { model, prompt, max_tokens: 1 } }),
    embedding: (model, prompt) => ({ path: '/embeddings', body: { model, input: prompt } }),
  },
  anthropic: {
    chat: (model, prompt) => ({ path: '/messages', body: { model, messages: chat(prompt), max_tokens: 1 } }),
  },
  gemini: {
    chat: (model, prompt) => ({
      path: `/${pathOf(model)}:generateContent`,
      body: {
        contents: [{ role: 'user', parts: [{ text: prompt }] }],
        generationConfig: { maxOutputTokens: 1 },
      },
    }),
    embedding: (model, prompt, { embedding_method: method }) => ({
      path: `/${pathOf(model)}:${method}`,
      body:
        method === 'predict'
          ? { instances: [{ content: prompt }] }
          : { requests: [{ model: geminiModel(model), content: { parts: [{ text: prompt }] } }] },
    }),
  },
};

/** Tasks of templates whose every answer is an image, a video or sound. */
const COSTLY: readonly WorkerTask[] = ['image', 'video', 'audio'];

/** The smallest request for a worker's own task, as requests go to it; `null`: there is none. */
export function smallestRequest(
  { protocol, profile }: ApiCall,
  task: WorkerTask | null,
  model: string,
  prompt: string,
): SmallestRequest | null {
  return REQUESTS[protocol][task ?? 'chat']?.(model, prompt, profile) ?? null;
}

/** Whether a worker can be probed by a request of its own task. */
export function hasSmallestRequest(protocol: WorkerProtocol, task: WorkerTask | null): boolean {
  if (task === null) return true;
  return protocol === 'template' ? !COSTLY.includes(task) : REQUESTS[protocol][task] !== undefined;
}

function chat(prompt: string): readonly JsonObject[] {
  return [{ role: 'user', content: prompt }];
}

function pathOf(model: string): string {
  return geminiModel(model).split('/').map(encodeURIComponent).join('/');
}
