import { NeutralError } from '../../../upstream/upstream-errors.js';
import type { ResponseFormat } from '../../client/client-response.js';
import { openAiErrorEvent } from '../openai/chat-completion.js';
import { ChatFormat } from '../openai/client-response.js';

/** The native response: `{"success", "msg", "result"}`. */
export const NATIVE_FORMAT: ResponseFormat = {
  whole: ({ text, toolCalls }) => {
    // Such as an answer whose tokens ran out while the model was reasoning.
    if (text === null && toolCalls.length === 0) throw new NeutralError('the answer holds no text');
    const result = text ?? JSON.stringify(toolCalls);
    return `{"success":true,"msg":"execute succeed","result":${JSON.stringify(result)}}`;
  },
  errorEvent: openAiErrorEvent,
};

/** A native call with `stream: true` gets the chunks of OpenAI, and errors in the native envelope. */
const CHUNKS = new ChatFormat(() => false);
export const NATIVE_STREAM_FORMAT: ResponseFormat = {
  whole: (answer, head) => CHUNKS.whole(answer, head),
  stream: (head) => CHUNKS.stream(head),
  errorEvent: openAiErrorEvent,
};
