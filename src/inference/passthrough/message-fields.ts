import { InvalidInputError } from '../../input/input-errors.js';
import { findFields, itemSpans, lowerCase, withoutFields } from './json-scanner.js';

const MESSAGES: ReadonlySet<string> = new Set(['messages']);
const OPEN_OBJECT = 0x7b;
const OPEN_ARRAY = 0x5b;

/**
 * A chat without these fields of its messages, which the server refuses: other servers add them to answers, and clients send
 * them back. Without such a field the body is returned itself, byte for byte.
 */
export function withoutMessageFields(body: Buffer, names: readonly string[]): Buffer {
  if (!names.some((name) => body.includes(`"${name}"`))) return body;
  try {
    return cut(body, lowerCase(names));
  } catch (error) {
    // What is no valid request is for the worker to refuse.
    if (error instanceof InvalidInputError) return body;
    throw error;
  }
}

function cut(body: Buffer, names: ReadonlySet<string>): Buffer {
  const span = findFields(body, MESSAGES).get('messages');
  if (span === undefined || body[span.start] !== OPEN_ARRAY) return body;
  const pieces: Buffer[] = [];
  let end = 0;
  for (const item of itemSpans(body, span.start)) {
    if (body[item.start] !== OPEN_OBJECT) continue;
    const message = body.subarray(item.start, item.end);
    const kept = withoutFields(message, names);
    if (kept === message) continue;
    pieces.push(body.subarray(end, item.start), kept);
    end = item.end;
  }
  return pieces.length === 0 ? body : Buffer.concat([...pieces, body.subarray(end)]);
}
