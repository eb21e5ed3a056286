import { InvalidInputError } from '../../input/input-errors.js';
import type { Profile } from '../../registry/profiles/profile.dto.js';
import type { OpenAiChat, OpenAiMessage } from '../chat/chat.js';
import { type Edit, edited } from '../passthrough/json-edits.js';
import { findFields, itemSpans, parsedSpan, type Span } from '../passthrough/json-scanner.js';

/*
 * Turns in an order that the server takes: a user may have interrupted results of tools, programs add instructions late, and
 * clients end a chat with the beginning of its answer.
 */

/** Which orders of a profile hold. */
type Order = Pick<Profile, 'user_after_results' | 'late_instructions' | 'prefill_flag'>;

/** Stands for the answer that the user did not wait for. It must hold text. */
const ANSWER = { role: 'assistant', content: 'OK.' } as const;
const PASSED_ANSWER = Buffer.from(`${JSON.stringify(ANSWER)},`);
const PASSED_FLAG = Buffer.from('"prefix":true,');

interface Turn {
  readonly role: unknown;
  readonly hasCalls: boolean;
  readonly hasFlag: boolean;
}

/** What becomes of one message. */
interface Change {
  readonly answerBefore: boolean;
  readonly asUser: boolean;
  readonly flag: boolean;
}

/** What has to change, by the index of its message. */
function changesOf(turns: readonly Turn[], order: Order): ReadonlyMap<number, Change> {
  const changes = new Map<number, Change>();
  let before: unknown;
  for (const [index, turn] of turns.entries()) {
    const isLast = index === turns.length - 1;
    const isLate = isLast || before === 'assistant' || before === 'tool';
    const asUser = !order.late_instructions && isInstruction(turn.role) && isLate;
    const role = asUser ? 'user' : turn.role;
    const answerBefore =
      !order.user_after_results && before === 'tool' && role !== 'tool' && role !== 'assistant';
    const flag = order.prefill_flag && isLast && role === 'assistant' && !turn.hasCalls && !turn.hasFlag;
    if (answerBefore || asUser || flag) changes.set(index, { answerBefore, asUser, flag });
    before = role;
  }
  return changes;
}

function isInstruction(role: unknown): boolean {
  return role === 'system' || role === 'developer';
}

function takesAll({ user_after_results, late_instructions, prefill_flag }: Order): boolean {
  return user_after_results && late_instructions && !prefill_flag;
}

/** A chat whose turns have an order that the server takes. */
export function withTurnOrder(
  chat: OpenAiChat,
  profile: Profile,
  note: (change: string) => void,
): OpenAiChat {
  if (takesAll(profile)) return chat;
  const turns = chat.messages.map((message) => ({
    role: message.role,
    hasCalls: Array.isArray(message.tool_calls),
    hasFlag: message['prefix'] !== undefined,
  }));
  const changes = changesOf(turns, profile);
  if (changes.size === 0) return chat;
  const all = [...changes.values()];
  if (all.some(({ answerBefore }) => answerBefore))
    note('messages: a turn of the assistant added between results of tools and the user');
  if (all.some(({ asUser }) => asUser)) note('messages: instructions after an answer sent as the user');
  if (all.some(({ flag }) => flag)) note('messages: the last turn of the assistant sent with prefix');
  const messages = chat.messages.flatMap((message, index): readonly OpenAiMessage[] => {
    const change = changes.get(index);
    if (change === undefined) return [message];
    const { answerBefore, asUser, flag } = change;
    const changed = { ...message, ...(asUser ? { role: 'user' } : {}), ...(flag ? { prefix: true } : {}) };
    return answerBefore ? [ANSWER, changed] : [changed];
  });
  return { ...chat, messages };
}

const MESSAGES: ReadonlySet<string> = new Set(['messages']);
const FIELDS: ReadonlySet<string> = new Set(['role', 'tool_calls', 'prefix']);
const USER = Buffer.from('"user"');
const OTHERS = ['system', 'developer', 'assistant', 'tool'].map((role) => Buffer.from(`"${role}"`));
const OPEN_ARRAY = 0x5b;

/** The same of a chat that is passed through. All other bytes stay the same, and so does the body where nothing has to change. */
export function withPassedTurnOrder(body: Buffer, order: Order): Buffer {
  if (takesAll(order) || !OTHERS.some((role) => body.includes(role))) return body;
  try {
    const list = findFields(body, MESSAGES).get('messages');
    if (list === undefined || body[list.start] !== OPEN_ARRAY) return body;
    const spans = itemSpans(body, list.start);
    const fields = spans.map(({ start, end }) => findFields(body.subarray(start, end), FIELDS));
    const turns = fields.map((each, index) => ({
      role: roleAt(body, spans[index], each.get('role')),
      hasCalls: isListAt(body, spans[index], each.get('tool_calls')),
      hasFlag: each.has('prefix'),
    }));
    const edits = [...changesOf(turns, order)].flatMap(([index, change]) =>
      editsFor(spans[index], fields[index]?.get('role'), change),
    );
    return edits.length === 0 ? body : edited(body, edits);
  } catch (error) {
    // What is no valid request is for the worker to refuse.
    if (error instanceof InvalidInputError) return body;
    throw error;
  }
}

function roleAt(body: Buffer, message: Span | undefined, role: Span | undefined): unknown {
  if (message === undefined || role === undefined) return undefined;
  return parsedSpan(body, { start: message.start + role.start, end: message.start + role.end });
}

function isListAt(body: Buffer, message: Span | undefined, value: Span | undefined): boolean {
  return message !== undefined && value !== undefined && body[message.start + value.start] === OPEN_ARRAY;
}

function editsFor(message: Span | undefined, role: Span | undefined, change: Change): readonly Edit[] {
  if (message === undefined || role === undefined) return [];
  const { start } = message;
  const open = start + 1;
  return [
    ...(change.answerBefore ? [{ start, end: start, by: PASSED_ANSWER }] : []),
    ...(change.flag ? [{ start: open, end: open, by: PASSED_FLAG }] : []),
    ...(change.asUser ? [{ start: start + role.start, end: start + role.end, by: USER }] : []),
  ];
}
