import { isJsonObject } from '../../input/json.js';
import type { AnswerHeaders } from '../../upstream/headers.js';
import type { BufferedBody } from '../../upstream/open-answer.js';
import { NoAnswerError } from '../../upstream/upstream-errors.js';
import { parsedOrUndefined } from '../chat/json.js';
import { sseDecoder } from '../streams/stream-decoder.js';
import { errorBodyOf, isClientFault, type ErrorBody } from '../chat/error-body.js';

const ERROR = Buffer.from('"error"');
const WEB_PAGE = /^\s*(text\/html|application\/xhtml\+xml)\b/i;
const EVENTS = /^\s*text\/event-stream\b/i;
/** Of these nothing can't be all; what a type means that is not known here is its worker's business. */
const NEVER_EMPTY = /^\s*($|text\/event-stream\b|application\/json\b)/i;
/** An answer that is larger says more than that it failed, and would cost something to read. */
const LARGEST_ERROR_BYTES = 64 * 1024;
/** Well below what a decoder of events takes for one. */
const LARGEST_READ_BYTES = 1024 * 1024;
/** What a whole answer holds, at one endpoint or another. */
const ANSWERS = ['choices', 'data', 'content', 'output', 'results', 'embeddings'];

/** Audio is anything; all other endpoints answer JSON, or events of it. */
export function answersJson(path: string): boolean {
  return !path.startsWith('/audio/');
}

/** What came of an endpoint that answers JSON, before any of it was passed on. `null`: it may well be an answer. */
export function findNoAnswer(
  headers: AnswerHeaders,
  { bytes, isComplete }: BufferedBody,
): NoAnswerError | null {
  const type = String(headers['content-type'] ?? '');
  if (WEB_PAGE.test(type)) return new NoAnswerError(502, 'the answer is a web page');
  if (bytes.length === 0)
    return isComplete && NEVER_EMPTY.test(type) ? new NoAnswerError(502, 'the answer is empty') : null;
  if (bytes.length > LARGEST_ERROR_BYTES || !bytes.includes(ERROR)) return null;
  const error = EVENTS.test(type) ? firstError(bytes) : wholeError(bytes);
  // Of what he did wrong its caller reads best in the worker's own words.
  if (error === null || isClientFault(error)) return null;
  return new NoAnswerError(error.status, `the answer is an error: ${error.message}`);
}

/** Errors among whole events; within JSON's texts a quote is escaped, so that a search finds all that may be one. */
export function errorsInEvents(events: Buffer): readonly ErrorBody[] {
  if (!events.includes(ERROR) || events.length > LARGEST_READ_BYTES) return [];
  return bodiesOf(events)
    .map(errorBodyOf)
    .filter((error) => error !== null);
}

function firstError(events: Buffer): ErrorBody | null {
  return errorBodyOf(bodiesOf(events)[0]);
}

function wholeError(bytes: Buffer): ErrorBody | null {
  const body = parsedOrUndefined(bytes.toString());
  if (!isJsonObject(body) || ANSWERS.some((field) => isSaid(body[field]))) return null;
  return errorBodyOf(body);
}

function isSaid(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : (value ?? null) !== null;
}

/** Of each event, its data, parsed. What stands behind the last empty line may be half of one. */
function bodiesOf(events: Buffer): readonly unknown[] {
  const bodies: unknown[] = [];
  sseDecoder(({ data }) => void bodies.push(parsedOrUndefined(data))).push(events);
  return bodies;
}
