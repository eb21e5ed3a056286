import { InvalidInputError } from '../../input/input-errors.js';
import type { Profile } from '../../registry/profiles/profile.dto.js';
import type { OpenAiChat } from '../chat/chat.js';
import { type Edit, edited, findFields, itemSpans, parsedSpan } from '../passthrough/json-scanner.js';

/** Stands for the answer that the user did not wait for. It must hold text. */
const ANSWER = { role: 'assistant', content: 'OK.' } as const;
const PASSED_ANSWER = Buffer.from(`${JSON.stringify(ANSWER)},`);

const MESSAGES: ReadonlySet<string> = new Set(['messages']);
const ROLE: ReadonlySet<string> = new Set(['role']);
const TOOL = Buffer.from('"tool"');
const OPEN_ARRAY = 0x5b;

/** A chat for a server that wants the assistant after the results of tools: the user may have interrupted it there. */
export function withAnswersAfterResults(
  chat: OpenAiChat,
  { user_after_results: isTaken }: Profile,
  note: (change: string) => void,
): OpenAiChat {
  const roles = chat.messages.map(({ role }) => role);
  if (isTaken || !roles.some((_, index) => isUnanswered(roles, index))) return chat;
  note('messages: a turn of the assistant added between results of tools and the user');
  const messages = chat.messages.flatMap((message, index) =>
    isUnanswered(roles, index) ? [ANSWER, message] : [message],
  );
  return { ...chat, messages };
}

/** The same of a chat that is passed through. All other bytes stay the same, and so does the body where nothing is missing. */
export function withPassedAnswersAfterResults(body: Buffer, isTaken: boolean): Buffer {
  if (isTaken || !body.includes(TOOL)) return body;
  try {
    const list = findFields(body, MESSAGES).get('messages');
    if (list === undefined || body[list.start] !== OPEN_ARRAY) return body;
    const spans = itemSpans(body, list.start);
    const roles = spans.map(({ start, end }) => {
      const message = body.subarray(start, end);
      const role = findFields(message, ROLE).get('role');
      return role === undefined ? undefined : parsedSpan(message, role);
    });
    const edits = spans.flatMap(({ start }, index): readonly Edit[] =>
      isUnanswered(roles, index) ? [{ start, end: start, by: PASSED_ANSWER }] : [],
    );
    return edits.length === 0 ? body : edited(body, edits);
  } catch (error) {
    // What is no valid request is for the worker to refuse.
    if (error instanceof InvalidInputError) return body;
    throw error;
  }
}

function isUnanswered(roles: readonly unknown[], index: number): boolean {
  return roles[index - 1] === 'tool' && roles[index] !== 'tool' && roles[index] !== 'assistant';
}
