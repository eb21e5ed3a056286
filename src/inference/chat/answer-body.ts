import { parseExact } from '../../input/exact-json.js';
import type { SourceStep } from '../../input/json-source.js';
import { Fields, isJsonObject, parsedOrUndefined } from '../../input/json.js';
import type { Usage } from './chat.js';
import type { UpstreamError } from '../../upstream/failure.js';
import { NoAnswerError } from '../../upstream/upstream-errors.js';
import { ProtocolError } from './chat-errors.js';
import { saysTooLong } from './overflow-words.js';

/** @param exact the path of objects that keep their text. @throws ProtocolError */
export function parseJsonAnswer(text: string, exact?: readonly SourceStep[]): unknown {
  try {
    return exact === undefined ? JSON.parse(text) : parseExact(text, exact);
  } catch (cause) {
    throw new ProtocolError('the answer is not JSON', { cause });
  }
}

/** @param exact the path of objects that keep their text. @throws ProtocolError */
export function parseEvent(data: string, exact?: readonly SourceStep[]): Fields {
  let value: unknown;
  try {
    value = exact === undefined ? JSON.parse(data) : parseExact(data, exact);
  } catch (cause) {
    throw new ProtocolError('an event of the stream is not JSON', { cause });
  }
  return objectOf(value, 'an event of the stream');
}

/** @throws ProtocolError */
export function objectOf(value: unknown, what: string): Fields {
  if (isJsonObject(value)) return value;
  throw new ProtocolError(`${what} is not an object`);
}

/** An absent list is an empty one. @throws ProtocolError */
export function listOf(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value as unknown[];
  throw new ProtocolError(`${what} is not a list`);
}

/** @throws ProtocolError */
export function stringOf(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  throw new ProtocolError(`${what} is not a string`);
}

/** A count of tokens; `undefined` for anything else: a wrong count does not spoil an answer. */
export function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** Counts of a stream are cumulative and never shrink, though some servers end with zeros: the larger one stands. */
export function largerUsage(before: Usage | null, after: Usage | null): Usage | null {
  if (before === null || after === null) return after ?? before;
  const larger: Partial<Record<keyof Usage, number>> = {};
  for (const name of ['input', 'output', 'cached', 'reasoning'] as const) {
    const counts = [before[name], after[name]].filter((count) => count !== undefined);
    if (counts.length > 0) larger[name] = Math.max(...counts);
  }
  return { input: 0, output: 0, ...larger };
}

/** In characters; OpenAI takes about a thousand to describe a faulty schema. */
const LONGEST_MESSAGE = 2000;

/** An error in the place of an answer. */
export interface ErrorBody {
  /** '' where there is none. */
  readonly message: string;
  /** The equivalent HTTP status; 502 if unknown. */
  readonly status: number;
  /** The request has more tokens than the model takes. */
  readonly isTooLong: boolean;
}

/** Statuses that decide how the request goes on. */
const KNOWN_STATUSES: ReadonlySet<number> = new Set([401, 402, 403, 429, 503, 529]);

/** Faults of the request: every other worker would answer the same. */
const CLIENT_STATUSES: ReadonlySet<number> = new Set([400, 404, 409, 413, 415, 422]);

/** The names of such faults at OpenAI, Anthropic and vLLM. */
const CLIENT_TYPES: ReadonlySet<unknown> = new Set([
  'invalid_request_error',
  'BadRequestError',
  'not_found_error',
  'request_too_large',
]);

/**
 * The names of a worker that has no time now, in `type`, `code` or `status` of an error: Anthropic
 * (https://platform.claude.com/docs/en/api/errors), OpenAI (https://platform.openai.com/docs/guides/error-codes), Google
 * (https://cloud.google.com/apis/design/errors#handling_errors) and Groq (https://console.groq.com/docs/flex-processing).
 */
const BUSY: ReadonlyMap<unknown, number> = new Map([
  ['rate_limit_error', 429],
  ['rate_limit_exceeded', 429],
  ['insufficient_quota', 429],
  ['RESOURCE_EXHAUSTED', 429],
  ['overloaded_error', 529],
  ['capacity_exceeded', 498],
  ['service_unavailable_error', 503],
  ['server_is_overloaded', 503],
  ['UNAVAILABLE', 503],
  ['timeout_error', 504],
  ['DEADLINE_EXCEEDED', 504],
]);

/** Why a response of OpenAI failed, where it is the server's fault; all other codes are of requests (ResponseError of openai's package). */
const RESPONSE_FAULTS: ReadonlyMap<unknown, number> = new Map([
  ['server_error', 502],
  ['vector_store_timeout', 502],
  ['rate_limit_exceeded', 429],
]);

/**
 * The error in a parsed answer or event; `null`: there is none. OpenAI, Anthropic and Gemini write `error`, Gemini's
 * streams in a list; FastChat, SGLang and Mistral `object: "error"`; events of OpenAI's responses `type: "error"`, or a response
 * that failed. One that succeeded may hold `error: null`.
 */
export function errorBodyOf(body: unknown): ErrorBody | null {
  const first: unknown = Array.isArray(body) ? body[0] : body;
  if (!isJsonObject(first)) return null;
  const response = first['type'] === 'response.failed' ? first['response'] : first;
  if (isJsonObject(response) && response['object'] === 'response' && isJsonObject(response['error'])) {
    const { code } = response['error'];
    const message = messageIn(response['error']);
    const isTooLong = saysTooLong({ code, type: null }, message);
    return { message, status: RESPONSE_FAULTS.get(code) ?? 400, isTooLong };
  }
  const isBare = first['object'] === 'error' || first['type'] === 'error';
  const error = first['error'] || (isBare ? first : null);
  if (error === null) return null;
  const fields = isJsonObject(error) ? error : { message: error };
  const { code, status, type }: Fields = fields;
  const name = typeof type === 'string' && type !== 'error' ? type : status;
  const message = messageIn(fields) || (typeof name === 'string' ? name : '');
  const isTooLong = saysTooLong({ code, type }, message);
  return {
    message,
    isTooLong,
    status:
      isTooLong || CLIENT_TYPES.has(type)
        ? 400
        : (BUSY.get(type) ?? BUSY.get(code) ?? BUSY.get(status) ?? statusOf(code ?? status)),
  };
}

/** @throws UpstreamError for an answer or event that is an error */
export function throwIfError(body: unknown): void {
  const error = errorBodyOf(body);
  if (error !== null)
    throw reported(error, error.message || 'the worker reported an error without a message');
}

/** The error of an answer with status 200, or of an event, as if it had come with its own status. 502: only that it failed is known. */
export function reported({ status, message, isTooLong }: ErrorBody, detail: string): UpstreamError {
  if (status === 502) return new ProtocolError(detail);
  const isForClient = status < 401 || status > 403;
  const exposed = { message, code: null, headers: {}, bytes: null, isTooLong, isModelMissing: false };
  return new NoAnswerError(status, detail, isForClient ? exposed : null);
}

const MARKUP = /^\s*<[!?a-z]/i;

/** The message of a body that is known to be an error, such as that of a 400, in whatever form. `undefined`: there is none. */
export function errorMessageOf(text: string): string | undefined {
  const message = anyMessageIn(text);
  return message === '' || MARKUP.test(message) ? undefined : message.slice(0, LONGEST_MESSAGE);
}

function anyMessageIn(text: string): string {
  const body = parsedOrUndefined(text);
  if (body === undefined) return text.trim();
  const first: unknown = Array.isArray(body) ? body[0] : body;
  if (isJsonObject(first)) return errorBodyOf(first)?.message || messageIn(first);
  return typeof first === 'string' ? first.trim() : '';
}

/** The same of an event of a stream, which may have any form. Text that is no JSON is the message. */
export function errorMessageOfEvent(data: string): string | undefined {
  const body = parsedOrUndefined(data);
  const fields = isJsonObject(body) ? body : { message: data.trim() };
  return errorBodyOf(body)?.message || messageIn(fields) || undefined;
}

export function isClientFault({ status }: ErrorBody): boolean {
  return CLIENT_STATUSES.has(status);
}

/**
 * Where servers put the message of an error: `detail` is FastAPI's, `error_msg` Baidu's, `msg` of many gateways, `title` of
 * problem details [RFC 9457], `errors` of Cloudflare's API and others.
 */
const PLACES = ['message', 'detail', 'text', 'error_msg', 'msg', 'errors', 'title', 'Message'];
const DEEPEST_PLACE = 3;

/** '' where there is none. */
export function messageIn(fields: Fields, depth = 0): string {
  for (const place of PLACES) {
    const message = wordsIn(fields[place], depth);
    if (message !== '') return message.slice(0, LONGEST_MESSAGE);
  }
  return '';
}

function wordsIn(value: unknown, depth: number): string {
  if (typeof value === 'string') return value.trim() === '' ? '' : value;
  if (depth >= DEEPEST_PLACE) return '';
  if (isJsonObject(value)) return faultIn(value, depth);
  if (!Array.isArray(value)) return '';
  return value
    .slice(0, 20)
    .map((item) => wordsIn(item, depth + 1))
    .filter((words) => words !== '')
    .join('; ');
}

/** FastAPI names the place of each fault: `{"loc": ["body", "messages", 0], "msg": "…"}`. */
function faultIn(fault: Fields, depth: number): string {
  const { loc } = fault;
  const message = messageIn(fault, depth + 1);
  return Array.isArray(loc) && message !== '' ? `${loc.slice(0, 20).join('.')}: ${message}` : message;
}

function statusOf(value: unknown): number {
  const status = Number(value);
  return KNOWN_STATUSES.has(status) || CLIENT_STATUSES.has(status) ? status : 502;
}
