import type { OpenAnswer } from '../../upstream/open-answer.js';
import { UpstreamAnswer } from '../../upstream/whole-answer.js';
import type { ChatEvent } from '../chat/chat.js';
import { ProtocolError } from '../chat/chat-errors.js';
import type { AnswerText } from '../apis/prepared-call.js';

/** JSON and HTML begin so, and no event of a stream does [WHATWG HTML, 9.2.6]. */
const BEGINS_WHOLE = /^\s*[{[<]/;
const WHOLE_TYPES = /^\s*(application\/([\w.-]+\+)?json|text\/html)\b/i;

/**
 * Whether a server that was asked for server-sent events sends something whole instead: what does not say that it is a
 * stream is taken at its first bytes, since some streams come under a wrong name; by its type, while there are none.
 */
export function isWholeInstead({ headers, firstBytes }: Pick<OpenAnswer, 'headers' | 'firstBytes'>): boolean {
  const type = String(headers['content-type'] ?? '');
  if (/^\s*text\/event-stream\b/i.test(type)) return false;
  return firstBytes === undefined || headers['content-encoding'] !== undefined
    ? WHOLE_TYPES.test(type)
    : BEGINS_WHOLE.test(firstBytes.subarray(0, 64).toString('latin1'));
}

/** @throws ProtocolError that names what came; UpstreamError, `too_large` beyond MAX_RESPONSE_BYTES too */
export async function readWholeInstead(
  answer: OpenAnswer,
  read: (answer: AnswerText) => readonly ChatEvent[],
): Promise<readonly ChatEvent[]> {
  const { status, headers } = answer;
  const whole = new UpstreamAnswer(status, headers, await answer.readAll());
  try {
    return read(whole);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const type = String(headers['content-type'] ?? 'no type').slice(0, 100);
    throw new ProtocolError(`a stream was asked for, and ${type} came: ${error.message}`, { cause: error });
  }
}
