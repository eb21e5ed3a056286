import { given } from '../../input/given.js';
import { InvalidInputError } from '../../input/invalid-input-error.js';
import type { RawBody } from '../inference-request.js';
import { findFields, type Span, valueAt } from '../passthrough/json-fields.js';
import { findFormFields } from '../passthrough/form-fields.js';

/** What has to be known of a body to pass it on. */
export interface BodyFacts {
  readonly raw: RawBody;
  readonly model: string;
  readonly stream: boolean;
  /** What requests that belong together begin with. */
  readonly beginning: string;
}

const LONGEST_NAME = 200;
/** Of a prompt's beginning. */
const KEY_BYTES = 256;
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
  if (bytes.length === 0) throw fault('', 'the body is empty; it must be a JSON object');
  return /^multipart\/form-data\b/i.test(contentType)
    ? readForm(path, contentType, bytes)
    : readJson(path, contentType, bytes);
}

function readJson(path: string, contentType: string, bytes: Buffer): BodyFacts {
  const spans = findFields(bytes, FIELDS);
  const value = (name: string): unknown => {
    const span = spans.get(name);
    return span === undefined ? undefined : valueAt(bytes, span);
  };
  const span = spans.get('model');
  const model = value('model');
  if (span === undefined || typeof model !== 'string' || model.length < 1 || model.length > LONGEST_NAME)
    throw fault('model', `must name a model, 1 to ${LONGEST_NAME} characters${given(model)}`);
  const stream = value('stream') ?? false;
  if (typeof stream !== 'boolean') throw fault('stream', `must be true or false${given(stream)}`);
  const told = value('prompt_cache_key') ?? value('user');
  const beginning =
    typeof told === 'string'
      ? told
      : startOf(bytes, spans.get('messages') ?? spans.get('prompt') ?? spans.get('input'));
  return { raw: { path, contentType, bytes, model: span, spelled: 'json' }, model, stream, beginning };
}

function readForm(path: string, contentType: string, bytes: Buffer): BodyFacts {
  const fields = findFormFields(contentType, bytes);
  const span = fields.get('model');
  const model = span === undefined ? '' : bytes.toString('utf8', span.start, span.end);
  if (span === undefined || model.length < 1 || model.length > LONGEST_NAME)
    throw fault('model', `must name a model, 1 to ${LONGEST_NAME} characters, in a part of the form`);
  const stream = fields.get('stream');
  return {
    raw: { path, contentType, bytes, model: span, spelled: 'text' },
    model,
    stream: stream !== undefined && bytes.toString('utf8', stream.start, stream.end) === 'true',
    beginning: '',
  };
}

function startOf(bytes: Buffer, span: Span | undefined): string {
  if (span === undefined) return '';
  return bytes.toString('latin1', span.start, Math.min(span.end, span.start + KEY_BYTES));
}

function fault(field: string, problem: string): InvalidInputError {
  return new InvalidInputError([{ field, problem }]);
}
