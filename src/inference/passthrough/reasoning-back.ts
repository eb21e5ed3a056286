import { InvalidInputError } from '../../input/input-errors.js';
import type { Profile } from '../../registry/profiles/profile.dto.js';
import { type Edit, edited } from './json-edits.js';
import { findFields, itemSpans, parsedSpan, withoutFields } from './json-scanner.js';

const MESSAGES: ReadonlySet<string> = new Set(['messages']);
const FIELDS: ReadonlySet<string> = new Set(['role', 'tool_calls', 'reasoning_content', 'reasoning']);
const TOOL_CALLS = Buffer.from('"tool_calls"');
const OPEN_ARRAY = 0x5b;

/**
 * A chat whose server refuses a call of a tool without its reasoning: another vendor's model made the call, or the client lost the
 * reasoning. Such a call gets the field, as in a translated chat. All other bytes stay the same, and so does the body without one.
 */
export function withReasoningBack(body: Buffer, field: Profile['reasoning_history']): Buffer {
  if (field === 'none' || field === 'thinking_blocks' || !body.includes(TOOL_CALLS)) return body;
  try {
    const span = findFields(body, MESSAGES).get('messages');
    if (span === undefined || body[span.start] !== OPEN_ARRAY) return body;
    const edits = itemSpans(body, span.start).flatMap(({ start, end }): readonly Edit[] => {
      const message = body.subarray(start, end);
      const by = message.includes(TOOL_CALLS) ? withField(message, field) : message;
      return by === message ? [] : [{ start, end, by }];
    });
    return edits.length === 0 ? body : edited(body, edits);
  } catch (error) {
    // What is no valid request is for the worker to refuse.
    if (error instanceof InvalidInputError) return body;
    throw error;
  }
}

function withField(message: Buffer, field: 'reasoning_content' | 'reasoning'): Buffer {
  const spans = findFields(message, FIELDS);
  const valueOf = (name: string): unknown => {
    const span = spans.get(name);
    return span === undefined ? undefined : parsedSpan(message, span);
  };
  const calls = valueOf('tool_calls');
  if (valueOf('role') !== 'assistant' || !Array.isArray(calls) || calls.length === 0) return message;
  if (typeof valueOf(field) === 'string') return message;
  const other = valueOf(field === 'reasoning' ? 'reasoning_content' : 'reasoning');
  const added = `"${field}":${JSON.stringify(typeof other === 'string' ? other : '')},`;
  const rest = withoutFields(message, new Set([field]));
  return Buffer.concat([rest.subarray(0, 1), Buffer.from(added), rest.subarray(1)]);
}
