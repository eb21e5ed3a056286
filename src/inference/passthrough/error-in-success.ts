import { isJsonObject, parsedOrUndefined } from '../../input/json.js';
import { type AnswerHeaders, isEventStream, mediaType } from '../../upstream/headers.js';
import type { BufferedBody } from '../../upstream/open-answer.js';
import { type Exposed, NoAnswerError } from '../../upstream/upstream-errors.js';
import { sseDecoder } from '../streams/stream-decoder.js';
import { errorBodyOf, isClientFault, type ErrorBody } from '../chat/answer-body.js';

const ERROR = Buffer.from('"error"');
const WEB_PAGES: ReadonlySet<string> = new Set(['text/html', 'application/xhtml+xml']);
/** Types of which an empty body is no answer. */
const NEVER_EMPTY: ReadonlySet<string> = new Set(['', 'text/event-stream', 'application/json']);
/** Types of answers that are JSON, and of servers that name none or a wrong one. Bytes of other types are sent unchanged. */
const MAY_BE_JSON = /^$|^application\/(?:json|.+\+json)$|^text\/plain$/;
const [OPEN_OBJECT, OPEN_ARRAY] = [0x7b, 0x5b] as const;
/** No start of a JSON object or list. */
const NEITHER = /^\uFEFF?\s*[^\s{[]/;
/** Some servers give a stream of events a wrong type: only what cannot begin one is no answer. */
const SCALAR = /^\uFEFF?\s*("|null|true|false|-?\d)/;
/** A larger answer is more than an error, and costs time to parse. */
const LARGEST_ERROR_BYTES = 64 * 1024;
/** Well below the longest event. */
const LARGEST_READ_BYTES = 1024 * 1024;
/** The fields that hold an answer, of all endpoints. */
const ANSWERS = ['choices', 'data', 'content', 'output', 'results', 'embeddings'];

/** Audio may have any type; all other endpoints answer JSON, or events of it. */
export function answersJson(path: string): boolean {
  return !path.startsWith('/audio/');
}

/** Checks a body before any of it is sent to the client. `null`: it may be an answer. */
export function findNoAnswer(
  headers: AnswerHeaders,
  { bytes, isComplete }: BufferedBody,
  isStream: boolean,
): NoAnswerError | null {
  const type = mediaType(headers);
  if (WEB_PAGES.has(type)) return new NoAnswerError(502, 'the answer is a web page');
  if (bytes.length === 0)
    return isComplete && NEVER_EMPTY.has(type) ? new NoAnswerError(502, 'the answer is empty') : null;
  if (
    !opensJson(bytes) &&
    MAY_BE_JSON.test(type) &&
    (isStream ? SCALAR : NEITHER).test(bytes.subarray(0, 256).toString())
  )
    return new NoAnswerError(502, 'the answer is neither a JSON object nor a list');
  if (bytes.length > LARGEST_ERROR_BYTES || !bytes.includes(ERROR)) return null;
  const error = isEventStream(headers) ? firstError(bytes) : wholeError(bytes);
  // A fault of the request is best explained by the worker's own response.
  if (error === null || isClientFault(error)) return null;
  return new NoAnswerError(
    error.status,
    `the answer is an error: ${error.message}`,
    exposedOf(error, headers),
  );
}

/** Whether it begins with a brace or a bracket, which neither pattern takes. */
function opensJson(bytes: Buffer): boolean {
  return bytes[0] === OPEN_OBJECT || bytes[0] === OPEN_ARRAY;
}

/** A worker that is busy says so with status 200, too. Our credentials are not the client's. */
function exposedOf({ status, message }: ErrorBody, headers: AnswerHeaders): Exposed | null {
  if (status < 404 || status === 502) return null;
  return { message, code: null, headers, bytes: null, isTooLong: false, isModelMissing: false };
}

/** Errors among whole events. In JSON text quotes are escaped, so that a search finds every candidate. */
export function errorsInEvents(events: Buffer): readonly ErrorBody[] {
  if (!events.includes(ERROR) || events.length > LARGEST_READ_BYTES) return [];
  return eventBodies(events)
    .map(errorBodyOf)
    .filter((error) => error !== null);
}

function firstError(events: Buffer): ErrorBody | null {
  return errorBodyOf(eventBodies(events)[0]);
}

function wholeError(bytes: Buffer): ErrorBody | null {
  const body = parsedOrUndefined(bytes.toString());
  if (!isJsonObject(body) || ANSWERS.some((field) => hasContent(body[field]))) return null;
  return errorBodyOf(body);
}

function hasContent(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : (value ?? null) !== null;
}

/** The parsed data of each complete event. */
export function eventBodies(events: Buffer): readonly unknown[] {
  const bodies: unknown[] = [];
  sseDecoder(({ data }) => void bodies.push(parsedOrUndefined(data))).push(events);
  return bodies;
}
