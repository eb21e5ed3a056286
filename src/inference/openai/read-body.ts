import { InvalidInputError } from '../../input/input-errors.js';
import type { RawBody } from '../client/inference-request.js';
import { type RawRequest, LONGEST_NAME, parseBodyFields, startOf } from '../passthrough/raw-request.js';
import { findFormFields } from '../passthrough/multipart-scanner.js';
import type { Span } from '../passthrough/json-scanner.js';

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
export function readBody(path: string, contentType: string, body: unknown): RawRequest {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  return /^multipart\/form-data\b/i.test(contentType)
    ? readForm(path, contentType, bytes)
    : readJson(path, contentType, bytes);
}

function readJson(path: string, contentType: string, bytes: Buffer): RawRequest {
  const { model, span, stream, spanOf, value } = parseBodyFields(bytes, FIELDS);
  const told = value('prompt_cache_key') ?? value('user');
  const beginning =
    typeof told === 'string'
      ? told
      : startOf(bytes, spanOf('messages') ?? spanOf('prompt') ?? spanOf('input'));
  return { raw: rawBody(path, contentType, bytes, span, 'json'), model, stream, affinitySource: beginning };
}

function readForm(path: string, contentType: string, bytes: Buffer): RawRequest {
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
    affinitySource: '',
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
