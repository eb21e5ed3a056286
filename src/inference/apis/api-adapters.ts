import type { Profile } from '../../registry/profiles/profile.dto.js';
import type { ApiProtocol } from '../../registry/worker.js';
import type { ChatAnswer, OpenAiChat, StreamReader } from '../chat/chat.js';
import { parseJsonAnswer } from '../chat/answer-body.js';
import { ANSWER_INPUTS, anthropicAnswer, anthropicReader } from './anthropic/backend-response.js';
import { anthropicRequest } from './anthropic/backend-request.js';
import { CALL_ARGS, geminiAnswer, geminiReader } from './gemini/backend-response.js';
import { geminiEmbeddingRequest, geminiEmbeddings } from './gemini/embeddings.js';
import { geminiChatPath, geminiRequest } from './gemini/backend-request.js';
import { openAiEmbeddingRequest, openAiEmbeddings } from './openai/backend-embeddings.js';
import { openAiAnswer } from './openai/backend-response.js';
import { openAiReader } from './openai/backend-stream.js';

/**
 * The API of one vendor towards workers: how a chat becomes its request, and how its answer and its stream are read.
 * All of it is pure.
 */
export interface ApiAdapter {
  /** @param chat whose `model` is the upstream's name of it. @throws UnsupportedFieldError */
  request(
    chat: OpenAiChat,
    stream: boolean,
    profile: Profile,
  ): { readonly path: string; readonly body: unknown };
  /** @throws ProtocolError */
  answer(text: string): ChatAnswer;
  reader(): StreamReader;
  /** Left out: the API has none, or passes them through only. */
  readonly embeddings?: EmbeddingAdapter;
}

export interface EmbeddingAdapter {
  /**
   * @param body in the OpenAI format
   * @returns the bodies of one or more calls, each but the last with `batch` texts
   * @throws UnsupportedFieldError
   */
  request(
    texts: readonly unknown[],
    body: Readonly<Record<string, unknown>>,
    model: string,
    profile: Profile,
  ): { readonly path: string; readonly bodies: readonly unknown[]; readonly batch: number };
  /** @returns an answer whose text is the JSON of `count` vectors. @throws ProtocolError */
  answer(text: string, count: number): ChatAnswer;
}

export const API_ADAPTERS: Readonly<Record<ApiProtocol, ApiAdapter>> = {
  openai: {
    request: (chat, stream, { rejects }) => ({
      path: '/chat/completions',
      // Usage is always needed for metrics.
      body:
        stream && !rejects.includes('stream_options')
          ? { ...chat, stream_options: { ...chat.stream_options, include_usage: true } }
          : chat,
    }),
    answer: openAiAnswer,
    reader: openAiReader,
    embeddings: {
      request: openAiEmbeddingRequest,
      answer: (text, count) => openAiEmbeddings(parseJsonAnswer(text), count),
    },
  },
  anthropic: {
    request: (chat, _stream, profile) => ({ path: '/messages', body: anthropicRequest(chat, profile) }),
    answer: (text) => anthropicAnswer(parseJsonAnswer(text, ANSWER_INPUTS)),
    reader: anthropicReader,
  },
  gemini: {
    request: (chat, stream, profile) => ({
      path: geminiChatPath(chat.model, stream),
      body: geminiRequest(chat, profile),
    }),
    answer: (text) => geminiAnswer(parseJsonAnswer(text, CALL_ARGS)),
    reader: geminiReader,
    embeddings: {
      request: geminiEmbeddingRequest,
      answer: (text, count) => geminiEmbeddings(parseJsonAnswer(text), count),
    },
  },
};
