import { isObject } from '../protocols/from-openai/json-object.js';

/** An error that stands where an answer should. */
export interface ToldError {
  /** The status that says the same. */
  readonly status: number;
  readonly message: string;
}

const LONGEST = 500;
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
export function errorIn(body: unknown): ToldError | null {
  if (!isObject(body)) return null;
  const error = body['error'] || (body['object'] === 'error' || body['type'] === 'error' ? body : null);
  if (error === null) return null;
  const fields = isObject(error) ? error : { message: error };
  const { message, code, status, type } = fields;
  const text = typeof message === 'string' ? message.slice(0, LONGEST) : '';
  return { message: text, status: CALLERS_TYPES.has(type) ? 400 : statusOf(code ?? status) };
}

export function isCallers({ status }: ToldError): boolean {
  return CALLERS.has(status);
}

function statusOf(told: unknown): number {
  const code = Number(told);
  return TELLING.has(code) || CALLERS.has(code) ? code : 502;
}
