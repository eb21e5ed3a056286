import type { WorkerTask } from '../../registry/worker.js';

/** What OpenAI's API is served under. */
export const OPENAI_BASE = '/v1';

/** Endpoints and what they want of a model; `null`: whatever it does. */
export const ENDPOINTS = {
  '/chat/completions': 'chat',
  '/completions': 'completion',
  '/embeddings': 'embedding',
  '/images/generations': 'image',
  '/responses': 'chat',
  '/audio/speech': 'audio',
  '/audio/transcriptions': 'audio',
  '/audio/translations': 'audio',
  '/rerank': null,
  '/moderations': null,
} as const satisfies Readonly<Record<string, WorkerTask | null>>;

export type Endpoint = keyof typeof ENDPOINTS;

/** Bodies of these are passed on as they came. */
export function isOpenAiPath(url: string): boolean {
  return url.startsWith(`${OPENAI_BASE}/`);
}

/** What of Anthropic's API is about a message. */
export const MESSAGES = '/messages';
export const COUNT_TOKENS = '/messages/count_tokens';

/** Every client of Anthropic's API sends it. https://platform.claude.com/docs/en/api/versioning */
export function isFromAnthropicClient(headers: Readonly<Record<string, unknown>>): boolean {
  return headers['anthropic-version'] !== undefined;
}
