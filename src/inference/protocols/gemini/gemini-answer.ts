import type { ChatAnswer, OpenAiToolCall } from '../../chat/chat.js';
import { signed } from '../../chat/extra-content.js';
import { ProtocolError } from '../../chat/protocol-error.js';
import { newCallId } from '../call-id.js';
import { finishOf, readResponse } from './gemini-response.js';

/** @throws ProtocolError */
export function geminiAnswer(body: unknown, newId = newCallId): ChatAnswer {
  const { pieces, finishReason, usage } = readResponse(body);
  if (pieces.length === 0 && finishReason === null) throw new ProtocolError('the answer has no candidates');
  const texts: string[] = [];
  const thoughts: string[] = [];
  const toolCalls: OpenAiToolCall[] = [];
  for (const piece of pieces) {
    if (piece.kind === 'text') texts.push(piece.text);
    if (piece.kind === 'reasoning') thoughts.push(piece.text);
    if (piece.kind === 'call') {
      const { id, name, arguments: text, signature } = piece;
      const called = { name, arguments: text };
      toolCalls.push({ id: id ?? newId(), type: 'function', function: called, ...signed(signature) });
    }
  }
  return {
    text: texts.length === 0 && toolCalls.length > 0 ? null : texts.join(''),
    ...(thoughts.length === 0 ? {} : { reasoning: thoughts.join('') }),
    toolCalls,
    finish: finishOf(finishReason, toolCalls.length > 0),
    usage,
  };
}
