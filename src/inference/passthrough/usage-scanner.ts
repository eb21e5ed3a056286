import type { Usage } from '../chat/chat.js';
import { isJsonObject, parsedOrUndefined } from '../../input/json.js';
import { BYTES_PER_TOKEN } from '../../usage/used.js';
import { largerUsage } from '../chat/answer-body.js';
import { anthropicUsage } from '../apis/anthropic/backend-response.js';
import { usageOf } from '../apis/openai/backend-response.js';
import type { EventMarks } from './event-marks.js';
import { findFields, spanAt } from './json-scanner.js';

const KEY = Buffer.from('"usage"');
const [LF_END, CRLF_END] = [Buffer.from('\n\n'), Buffer.from('\r\n\r\n')] as const;
const COLON = 0x3a;
const SPACE = 0x20;
const OPEN_OBJECT = 0x7b;
/** Ten times what OpenAI and Anthropic write. */
const LARGEST_BYTES = 8192;
/** A usage with its name, and space around its colon. */
const LARGEST_FIELD_BYTES = LARGEST_BYTES + 256;
const NOTHING = Buffer.alloc(0);
/** A larger answer is searched, not read: reading takes about a millisecond for so much. */
const LARGEST_READ_BYTES = 128 * 1024;
const USAGE: ReadonlySet<string> = new Set(['usage']);

/**
 * Finds the token usage of an answer that passes through. Nothing else is parsed: in JSON text quotes are escaped, so that
 * `"usage"` followed by a colon is a key. Without usage it costs a search for seven bytes.
 */
export class UsageScanner {
  #bytes = 0;
  #events = 0;
  #first: string | null = null;
  #last: string | null = null;
  /** The end of the part before: a usage may begin in it. */
  #tail: Buffer = NOTHING;

  constructor(private readonly isEvents: boolean) {}

  /** @param bytes a whole answer, or whole events of a stream @param marks of `marksIn`; `null`: everything is searched for */
  scan(bytes: Buffer, marks: EventMarks | null = null): void {
    this.#bytes += bytes.length;
    if (this.isEvents) this.#events += marks?.ends ?? (timesIn(bytes, LF_END) || timesIn(bytes, CRLF_END));
    if (marks?.hasUsage === false) return;
    const last = !this.isEvents && bytes.length <= LARGEST_READ_BYTES ? outermostIn(bytes) : lastIn(bytes);
    if (last === null) return;
    // Anthropic reports the input when a message begins, the output when it ends.
    this.#first ??= this.isEvents ? firstIn(bytes) : last;
    this.#last = last;
  }

  /** The next part of a whole answer that is not held: finds in all parts what `scan` finds in a large answer. */
  scanPart(bytes: Buffer): void {
    this.#bytes += bytes.length;
    const joined = this.#tail.length === 0 ? bytes : Buffer.concat([this.#tail, bytes]);
    const last = lastIn(joined);
    if (last !== null) this.#first = this.#last = last;
    this.#tail = Buffer.from(joined.subarray(-LARGEST_FIELD_BYTES));
  }

  /** `null`: no known usage. */
  get usage(): Usage | null {
    if (this.#last === null) return null;
    const last = parsedOrUndefined(this.#last);
    const openAis = usageOf(last);
    // Of a whole answer, which has one.
    if (this.#first === this.#last) return openAis ?? anthropicUsage(last, last);
    const first = parsedOrUndefined(this.#first ?? '');
    return openAis === null ? anthropicUsage(first, last) : largerUsage(usageOf(first), openAis);
  }

  /** Of audio, where it is what is paid for [platform.openai.com/docs/api-reference/audio/json-object]; `null`: unknown. */
  get seconds(): number | null {
    if (this.#last === null || !this.#last.includes('"seconds"')) return null;
    const usage = parsedOrUndefined(this.#last);
    const seconds = isJsonObject(usage) && usage['type'] === 'duration' ? Number(usage['seconds']) : 0;
    return seconds > 0 && seconds < Infinity ? seconds : null;
  }

  /** Output tokens: as reported in `usage`, else one per event, else by the answer's length. */
  outputOf(usage: Usage | null): number {
    const reported = usage?.output ?? 0;
    if (reported > 0) return reported;
    return this.#events > 0 ? this.#events : this.#bytes / BYTES_PER_TOKEN;
  }
}

function timesIn(bytes: Buffer, sought: Buffer): number {
  let times = 0;
  for (let at = bytes.indexOf(sought); at !== -1; at = bytes.indexOf(sought, at + sought.length)) times++;
  return times;
}

/** Tool arguments may contain a `usage` of their own. */
function outermostIn(bytes: Buffer): string | null {
  if (!bytes.includes(KEY)) return null;
  try {
    const span = findFields(bytes, USAGE).get('usage');
    return span === undefined ? null : bytes.toString('utf8', span.start, span.end);
  } catch {
    return null;
  }
}

function firstIn(bytes: Buffer): string | null {
  for (let key = bytes.indexOf(KEY); key !== -1; key = bytes.indexOf(KEY, key + 1)) {
    const start = objectBehind(bytes, key + KEY.length);
    if (start !== null) return objectAt(bytes, start);
  }
  return null;
}

function lastIn(bytes: Buffer): string | null {
  for (let end = bytes.length; end > 0;) {
    const key = bytes.subarray(0, end).lastIndexOf(KEY);
    if (key === -1) return null;
    const start = objectBehind(bytes, key + KEY.length);
    if (start !== null) return objectAt(bytes, start);
    end = key;
  }
  return null;
}

/** @param at behind a name @returns `null`: the value is no object, as in chunks before the last */
function objectBehind(bytes: Buffer, at: number): number | null {
  const colon = skipSpaces(bytes, at);
  if (bytes[colon] !== COLON) return null;
  const start = skipSpaces(bytes, colon + 1);
  return bytes[start] === OPEN_OBJECT ? start : null;
}

/** `null`: too large for a usage. */
function objectAt(bytes: Buffer, start: number): string | null {
  try {
    const { end } = spanAt(bytes.subarray(0, start + LARGEST_BYTES), start);
    return bytes.toString('utf8', start, end);
  } catch {
    return null;
  }
}

function skipSpaces(bytes: Buffer, from: number): number {
  let at = from;
  while ((bytes[at] ?? Infinity) <= SPACE) at++;
  return at;
}
