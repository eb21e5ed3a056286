import { isJsonObject } from '../../input/json.js';
import { parsedOrUndefined } from './json.js';

/** An error that stands where an answer should. */
export interface ErrorBody {
  /** The status that says the same. */
  readonly status: number;
  readonly message: string;
}

const LONGEST_DETECTED = 500;

/** Statuses that mean more than trouble to who walks from worker to worker. */
const TELLING: ReadonlySet<number> = new Set([401, 402, 403, 429, 503, 529]);

/** The caller's own fault: any other worker would say the same. */
const CALLERS: ReadonlySet<number> = new Set([400, 404, 409, 413, 415, 422]);

/** As OpenAI, Anthropic and vLLM name it. */
const CALLERS_TYPES: ReadonlySet<unknown> = new Set([
  'invalid_request_error',
  'BadRequestError',
  'not_found_error',
  'request_too_large',
]);

/**
 * Of a whole answer or of an event, in JSON: OpenAI and Anthropic write `error`; FastChat, SGLang and Mistral `object`; events of
 * OpenAI's responses `type`. An `error` that is null belongs to every response that went well.
 */
export function errorBodyOf(body: unknown): ErrorBody | null {
  if (!isJsonObject(body)) return null;
  const error = body['error'] || (body['object'] === 'error' || body['type'] === 'error' ? body : null);
  if (error === null) return null;
  const fields = isJsonObject(error) ? error : { message: error };
  const { message, code, status, type } = fields;
  const text = typeof message === 'string' ? message.slice(0, LONGEST_DETECTED) : '';
  return { message: text, status: CALLERS_TYPES.has(type) ? 400 : statusOf(code ?? status) };
}

export function isClientFault({ status }: ErrorBody): boolean {
  return CALLERS.has(status);
}

function statusOf(told: unknown): number {
  const code = Number(told);
  return TELLING.has(code) || CALLERS.has(code) ? code : 502;
}

const LONGEST_IN_STREAM = 300;

/** What an event says of an error, where servers put it; `undefined`: nothing. An event that is no JSON is its own words. */
export function errorMessageOfEvent(data: string): string | undefined {
  const body = parsedOrUndefined(data);
  if (body === undefined) return shortened(data);
  if (!isJsonObject(body)) return undefined;
  const { error, message, detail, text } = body;
  const places = [isJsonObject(error) ? error['message'] : error, message, detail, text];
  return places.map(shortened).find((told) => told !== undefined);
}

/** `undefined`: it is no text, or none that says anything. */
export function shortened(told: unknown): string | undefined {
  return typeof told === 'string' && told.trim() !== '' ? told.trim().slice(0, LONGEST_IN_STREAM) : undefined;
}

const LONGEST_MESSAGE = 2000;

/**
 * What an error of OpenAI, Anthropic or Gemini says: all three have it at `error.message`, Gemini's streams in a list. Of those
 * that speak OpenAI's API, Mistral, SGLang and FastChat have no envelope around it. `undefined`: it is none.
 */
export function errorMessageOf(text: string): string | undefined {
  const body = parsedOrUndefined(text);
  const first: unknown = Array.isArray(body) ? body[0] : body;
  const error = isJsonObject(first) ? (first['object'] === 'error' ? first : first['error']) : undefined;
  const message = isJsonObject(error) ? error['message'] : error;
  return typeof message === 'string' && message !== '' ? message.slice(0, LONGEST_MESSAGE) : undefined;
}
