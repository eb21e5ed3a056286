import type { WorkerTask } from '../../registry/worker.js';

/** The base path of the OpenAI API here. */
export const OPENAI_BASE = '/v1';

/** The endpoints of the OpenAI API and the task each needs; `null`: any. */
export const ENDPOINTS = {
  '/chat/completions': 'chat',
  '/completions': 'completion',
  '/embeddings': 'embedding',
  '/images/generations': 'image',
  '/images/edits': 'image',
  '/images/variations': 'image',
  '/responses': 'chat',
  '/audio/speech': 'audio',
  '/audio/transcriptions': 'audio',
  '/audio/translations': 'audio',
  '/rerank': null,
  '/moderations': null,
} as const satisfies Readonly<Record<string, WorkerTask | null>>;

export type Endpoint = keyof typeof ENDPOINTS;

/** The endpoints of the Anthropic API. */
export const MESSAGES = '/messages';
export const COUNT_TOKENS = '/messages/count_tokens';

/** Every client of the Anthropic API sends this header. https://platform.claude.com/docs/en/api/versioning */
export function isFromAnthropicClient(headers: Readonly<Record<string, unknown>>): boolean {
  return headers['anthropic-version'] !== undefined;
}
