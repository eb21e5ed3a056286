import { InvalidInputError } from '../../input/input-errors.js';
import type { RawBody } from '../request/inference-request.js';
import { type BodyFacts, LONGEST_NAME, readAsked, startOf } from '../passthrough/body-facts.js';
import { findFormFields } from '../passthrough/form-fields.js';
import type { Span } from '../passthrough/json-fields.js';

const NO_HEADERS = {};
const FIELDS: ReadonlySet<string> = new Set([
  'model',
  'stream',
  'user',
  'prompt_cache_key',
  'messages',
  'prompt',
  'input',
]);

/** @throws InvalidInputError */
export function readBody(path: string, contentType: string, body: unknown): BodyFacts {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  return /^multipart\/form-data\b/i.test(contentType)
    ? readForm(path, contentType, bytes)
    : readJson(path, contentType, bytes);
}

function readJson(path: string, contentType: string, bytes: Buffer): BodyFacts {
  const { model, span, stream, spanOf, value } = readAsked(bytes, FIELDS);
  const told = value('prompt_cache_key') ?? value('user');
  const beginning =
    typeof told === 'string'
      ? told
      : startOf(bytes, spanOf('messages') ?? spanOf('prompt') ?? spanOf('input'));
  return { raw: rawBody(path, contentType, bytes, span, 'json'), model, stream, beginning };
}

function readForm(path: string, contentType: string, bytes: Buffer): BodyFacts {
  const fields = findFormFields(contentType, bytes);
  const span = fields.get('model');
  const model = span === undefined ? '' : bytes.toString('utf8', span.start, span.end);
  if (span === undefined || model.length < 1 || model.length > LONGEST_NAME)
    throw fault('model', `must name a model, 1 to ${LONGEST_NAME} characters, in a part of the form`);
  const stream = fields.get('stream');
  return {
    raw: rawBody(path, contentType, bytes, span, 'text'),
    model,
    stream: stream !== undefined && bytes.toString('utf8', stream.start, stream.end) === 'true',
    beginning: '',
  };
}

function rawBody(
  path: string,
  contentType: string,
  bytes: Buffer,
  model: Span,
  spelled: RawBody['spelled'],
): RawBody {
  return { dialect: 'openai', path, query: '', headers: NO_HEADERS, contentType, bytes, model, spelled };
}

function fault(field: string, problem: string): InvalidInputError {
  return new InvalidInputError([{ field, problem }]);
}
