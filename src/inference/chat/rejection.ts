import { type Fields, isJsonObject, parsedOrUndefined } from '../../input/json.js';
import { kindOfStatus } from '../../upstream/failure.js';
import { type AnswerHeaders, mediaType } from '../../upstream/headers.js';
import { rejectedForMs } from '../../upstream/retry-after.js';
import { type Exposed, UpstreamRejectedError } from '../../upstream/upstream-errors.js';
import type { Dialect } from '../client/inference-request.js';
import { errorMessageOf } from './answer-body.js';
import { saysTooLong } from './overflow-words.js';

/** The API whose errors the client gets as they are: its own, which the worker speaks, too. `message`: there is none. */
export type Exposes = Dialect | 'message';

/** A larger body is no error. */
const LARGEST_READ_BYTES = 64 * 1024;

/** Reads what a worker answered in place of an answer: why, whose fault it is, and when to come back. */
export function rejectionOf(
  status: number,
  headers: AnswerHeaders,
  bytes: Buffer,
  exposes: Exposes,
): UpstreamRejectedError {
  const text = bytes.length > LARGEST_READ_BYTES ? '' : bytes.toString();
  const body = parsedOrUndefined(text);
  const retryAfterMs = rejectedForMs(headers, body, Date.now());
  const kind = kindOfStatus(status, retryAfterMs !== null);
  if (!isForClient(status)) return new UpstreamRejectedError(status, { retryAfterMs, kind });
  const exposed = exposedOf(headers, bytes, text, body, exposes);
  const isMissing = kind === 'request_rejected' && exposed.isModelMissing;
  return new UpstreamRejectedError(status, {
    retryAfterMs,
    kind: isMissing ? 'model_missing' : kind,
    exposed,
  });
}

/** Redirects and the faults of our credentials stay between the worker and this service. */
function isForClient(status: number): boolean {
  return status >= 400 && (status < 401 || status > 403);
}

function exposedOf(
  headers: AnswerHeaders,
  bytes: Buffer,
  text: string,
  body: unknown,
  exposes: Exposes,
): Exposed {
  const message = WEB_PAGE.test(mediaType(headers)) ? '' : (errorMessageOf(text) ?? '');
  const names = namesIn(body);
  const isOwn = exposes !== 'message' && isJsonObject(body) && ENVELOPES[exposes](body);
  return {
    message,
    code: names.code,
    headers,
    bytes: isOwn ? bytes : null,
    isTooLong: saysTooLong(names, message),
    isModelMissing: MISSING_NAMES.has(names.code) || MISSING_NAMES.has(names.type) || MISSING.test(message),
  };
}

const WEB_PAGE = /html/;

/** Typed clients read these fields, and fail on others: ErrorObject of OpenAI's openapi.yaml, ErrorResponse of Anthropic's. */
const ENVELOPES: Readonly<Record<Dialect, (body: Fields) => boolean>> = {
  openai: ({ error }) => {
    if (!isJsonObject(error) || typeof error['message'] !== 'string') return false;
    return ['type', 'param', 'code'].every((name) => typeof (error[name] ?? '') === 'string');
  },
  anthropic: ({ type, error }) =>
    type === 'error' &&
    isJsonObject(error) &&
    typeof error['type'] === 'string' &&
    typeof error['message'] === 'string',
};

interface ErrorNames {
  readonly code: string | null;
  readonly type: string | null;
}

/** Numbers are statuses. */
function namesIn(body: unknown): ErrorNames {
  const first: unknown = Array.isArray(body) ? body[0] : body;
  if (!isJsonObject(first)) return { code: null, type: null };
  const { code, type } = isJsonObject(first['error']) ? first['error'] : first;
  return { code: nameIn(code), type: nameIn(type) };
}

function nameIn(value: unknown): string | null {
  return typeof value === 'string' && !/^\d*$/.test(value) ? value : null;
}

/**
 * The words for a model that is not there. Most servers answer 404; with 400 do Mistral (`invalid_model`), DeepSeek ("Model Not
 * Exist"), OpenRouter ("… is not a valid model ID") and LiteLLM ("Invalid model name passed in model=…").
 */
const MISSING_NAMES: ReadonlySet<string | null> = new Set([
  'model_not_found',
  'invalid_model',
  'DeploymentNotFound',
]);
const MISSING = /^model not exist$|is not a valid model id\b|^invalid model(?: name passed in|:)/i;
