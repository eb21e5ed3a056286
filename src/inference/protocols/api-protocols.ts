import type { ApiProtocol } from '../../registry/worker.js';
import type { ChatAnswer, OpenAiChat, StreamReader } from '../chat/chat.js';
import { openAiAnswer, openAiReader } from './openai-chat.js';

/** A chat in the words of one API, and its answer out of them. */
export interface ChatProtocol {
  /** @throws UntranslatableError */
  request(chat: OpenAiChat, stream: boolean): { readonly path: string; readonly body: unknown };
  /** @throws ProtocolError */
  answer(text: string): ChatAnswer;
  reader(): StreamReader;
}

const openai: ChatProtocol = {
  request: (chat, stream) => ({
    path: '/chat/completions',
    // Tokens are counted for whoever asks for them here.
    body: stream ? { ...chat, stream_options: { ...chat.stream_options, include_usage: true } } : chat,
  }),
  answer: openAiAnswer,
  reader: openAiReader,
};

export const PROTOCOLS: Readonly<Record<ApiProtocol, ChatProtocol>> = {
  openai,
  anthropic: openai,
  gemini: openai,
};
