import { InvalidInputError } from '../../input/input-errors.js';
import type { Profile } from '../../registry/profiles/profile.dto.js';
import { edited } from '../passthrough/json-edits.js';
import { findFields, itemSpans, parsedSpan, type Span } from '../passthrough/json-scanner.js';
import { idsFor, LONGEST_OF_OPENAI, replacesIds } from './call-ids.js';

const MESSAGES: ReadonlySet<string> = new Set(['messages']);
const CALLS: ReadonlySet<string> = new Set(['tool_calls', 'tool_call_id']);
const ID: ReadonlySet<string> = new Set(['id']);
const NAMES = ['"tool_calls"', '"tool_call_id"'].map((name) => Buffer.from(name));
const RESULT_ID = Buffer.from('"tool_call_id"');
/** A text that is not certainly an id that fits: short, and without escapes. */
const OTHER = new RegExp(`^\\s*:\\s*"(?![^"\\\\]{0,${LONGEST_OF_OPENAI}}")`);
const LOOKED_AT = LONGEST_OF_OPENAI + 20;
const OPEN_ARRAY = 0x5b;

/**
 * A chat that is passed through, with the ids of calls that the server takes: earlier turns may come from another vendor. All
 * other bytes stay the same, and so does the body without such an id.
 */
export function withTakenCallIds(body: Buffer, whose: Profile['call_ids']): Buffer {
  if (!replacesIds(whose) || !mayHaveOthers(body, whose)) return body;
  try {
    const ids = idsIn(body);
    const sent = idsFor(
      whose,
      ids.map(({ id }) => id),
    );
    if (sent.size === 0) return body;
    const edits = ids.flatMap(({ id, span }) => {
      const by = sent.get(id);
      return by === undefined ? [] : [{ ...span, by: Buffer.from(JSON.stringify(by)) }];
    });
    return edited(body, edits);
  } catch (error) {
    // What is no valid request is for the worker to refuse.
    if (error instanceof InvalidInputError) return body;
    throw error;
  }
}

/** One search through the bytes of a chat whose ids all fit. OpenAI refuses calls without a result, which names the id. */
function mayHaveOthers(body: Buffer, whose: Profile['call_ids']): boolean {
  if (whose !== 'openai') return NAMES.some((name) => body.includes(name));
  for (let at = body.indexOf(RESULT_ID); at !== -1; at = body.indexOf(RESULT_ID, at + 1)) {
    const after = at + RESULT_ID.length;
    if (OTHER.test(body.toString('latin1', after, after + LOOKED_AT))) return true;
  }
  return false;
}

interface Found {
  readonly id: string;
  readonly span: Span;
}

function idsIn(body: Buffer): readonly Found[] {
  const list = findFields(body, MESSAGES).get('messages');
  if (list === undefined || body[list.start] !== OPEN_ARRAY) return [];
  return itemSpans(body, list.start).flatMap((message) => {
    const bytes = body.subarray(message.start, message.end);
    if (!NAMES.some((name) => bytes.includes(name))) return [];
    const fields = findFields(bytes, CALLS);
    const calls = fields.get('tool_calls');
    const items =
      calls === undefined || bytes[calls.start] !== OPEN_ARRAY ? [] : itemSpans(bytes, calls.start);
    const ofCalls = items.map((item) =>
      within(item, findFields(bytes.subarray(item.start, item.end), ID).get('id')),
    );
    return [...ofCalls, fields.get('tool_call_id')].flatMap((span) => foundAt(body, within(message, span)));
  });
}

function within({ start }: Span, span: Span | undefined): Span | undefined {
  return span === undefined ? undefined : { start: start + span.start, end: start + span.end };
}

function foundAt(body: Buffer, span: Span | undefined): readonly Found[] {
  const id = span === undefined ? undefined : parsedSpan(body, span);
  return span === undefined || typeof id !== 'string' ? [] : [{ id, span }];
}
