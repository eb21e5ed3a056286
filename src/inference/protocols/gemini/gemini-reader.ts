import type { ChatEvent, StreamEvent, StreamReader, Usage } from '../../chat/chat.js';
import { signed } from '../../chat/extra-content.js';
import { newCallId } from '../call-id.js';
import { parseEvent } from '../from-upstream.js';
import { finishOf, type GeminiPiece, readResponse } from './gemini-response.js';

/**
 * Reads a stream of streamGenerateContent?alt=sse. It has no end marker. Responses say "finishReason" before the last one,
 * too, some of them in every one (https://github.com/BerriAI/litellm/issues/2195): what counts is the last when the stream
 * ends, and a stream without any was cut off.
 */
export function geminiReader(newId = newCallId): StreamReader {
  let calls = 0;
  let reason: string | null = null;
  let counted: Usage | null = null;

  const toEvent = (piece: GeminiPiece): ChatEvent => {
    if (piece.kind !== 'call') return piece;
    const { id, name, arguments: text, signature } = piece;
    return {
      kind: 'tool_call',
      index: calls++,
      id: id ?? newId(),
      name,
      arguments: text,
      ...signed(signature),
    };
  };

  const read = ({ data }: StreamEvent): readonly ChatEvent[] => {
    const { pieces, finishReason, usage } = readResponse(parseEvent(data));
    reason = finishReason ?? reason;
    // Counted anew in every response.
    counted = usage ?? counted;
    return pieces.map(toEvent);
  };

  const end = (): readonly ChatEvent[] => {
    if (reason === null) return [];
    const finish = { kind: 'finish', reason: finishOf(reason, calls > 0) } as const;
    return counted === null ? [finish] : [finish, { kind: 'usage', usage: counted }];
  };

  return Object.assign(read, { end });
}
