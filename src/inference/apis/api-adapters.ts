import type { ApiProtocol } from '../../registry/worker.js';
import type { ChatAnswer, OpenAiChat, StreamReader } from '../chat/chat.js';
import { ProtocolError } from '../chat/chat-errors.js';
import { anthropicAnswer, anthropicReader } from './anthropic/backend-response.js';
import { anthropicRequest } from './anthropic/backend-request.js';
import { geminiAnswer, geminiReader } from './gemini/backend-response.js';
import { geminiEmbeddingRequest, geminiEmbeddings } from './gemini/embeddings.js';
import { geminiChatPath, geminiPath, geminiRequest } from './gemini/backend-request.js';
import { openAiAnswer } from './openai/backend-response.js';
import { openAiReader } from './openai/backend-stream.js';

/** A chat in the words of one API, and its answer out of them. */
export interface ApiAdapter {
  /** `chat.model` is what the upstream calls it. @throws UnsupportedFieldError */
  request(chat: OpenAiChat, stream: boolean): { readonly path: string; readonly body: unknown };
  /** @throws ProtocolError */
  answer(text: string): ChatAnswer;
  reader(): StreamReader;
  /** Left out: it makes none, or those that are passed on need no words. */
  readonly embeddings?: EmbeddingAdapter;
}

export interface EmbeddingAdapter {
  /** Of OpenAI's body. @throws UnsupportedFieldError */
  request(
    body: Readonly<Record<string, unknown>>,
    model: string,
  ): { readonly path: string; readonly body: unknown };
  /** Its text is the JSON of the vectors. @throws ProtocolError */
  answer(text: string): ChatAnswer;
}

export const API_ADAPTERS: Readonly<Record<ApiProtocol, ApiAdapter>> = {
  openai: {
    request: (chat, stream) => ({
      path: '/chat/completions',
      // Tokens are counted for whoever asks for them here.
      body: stream ? { ...chat, stream_options: { ...chat.stream_options, include_usage: true } } : chat,
    }),
    answer: openAiAnswer,
    reader: openAiReader,
  },
  anthropic: {
    request: (chat) => ({
      path: '/messages',
      body: anthropicRequest(chat, chat.model),
    }),
    answer: (text) => anthropicAnswer(jsonOf(text)),
    reader: anthropicReader,
  },
  gemini: {
    request: (chat, stream) => ({
      path: geminiChatPath(chat.model, stream),
      body: geminiRequest(chat, chat.model),
    }),
    answer: (text) => geminiAnswer(jsonOf(text)),
    reader: geminiReader,
    embeddings: {
      request: (body, model) => ({
        path: geminiPath(model, 'batchEmbedContents'),
        body: geminiEmbeddingRequest(body, model),
      }),
      answer: (text) => geminiEmbeddings(jsonOf(text)),
    },
  },
};

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ProtocolError('the answer is not JSON', { cause });
  }
}
