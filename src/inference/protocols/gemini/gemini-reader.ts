import type { ChatEvent, StreamEvent, StreamReader } from '../../chat/chat.js';
import { ProtocolError } from '../../chat/protocol-error.js';
import { parseEvent } from '../from-upstream.js';
import { finishOf, type GeminiPiece, readResponse } from './gemini-response.js';

/**
 * Reads a stream of streamGenerateContent?alt=sse. It has no end marker: the last response gives its finishReason, and a
 * stream that ended without one was cut off.
 */
export function geminiReader(): StreamReader {
  let calls = 0;
  let isFinished = false;

  const toEvent = (piece: GeminiPiece): ChatEvent => {
    if (piece.kind !== 'call') return piece;
    const index = calls++;
    const { id, name, arguments: text } = piece;
    return { kind: 'tool_call', index, id: id ?? `call_${index}`, name, arguments: text };
  };

  return ({ data }: StreamEvent): readonly ChatEvent[] => {
    const { pieces, finishReason, usage } = readResponse(parseEvent(data));
    if (isFinished && pieces.length > 0) throw new ProtocolError('the stream goes on after its end');
    const events = pieces.map(toEvent);
    if (finishReason !== null && !isFinished) {
      isFinished = true;
      events.push({ kind: 'finish', reason: finishOf(finishReason, calls > 0) });
    }
    // Counted anew in every response: what counts is the last.
    if (isFinished && usage !== null) events.push({ kind: 'usage', usage });
    return events;
  };
}
