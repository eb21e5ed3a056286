import { parseExact } from '../../input/exact-json.js';
import type { SourceStep } from '../../input/json-source.js';
import { DEEPEST_JSON, describeValue, isDeeperThan, TOO_DEEP } from '../../input/json.js';
import { InvalidInputError } from '../../input/input-errors.js';
import type { RawBody } from '../client/inference-request.js';
import { findFields, type Span, parsedSpan } from './json-scanner.js';

/** What must be known of a body to forward it. */
export interface RawRequest {
  readonly raw: RawBody;
  readonly model: string;
  readonly stream: boolean;
  /** `undefined`: the body has none. */
  readonly serviceTier: unknown;
}

/** The fields of a JSON body that all APIs share. */
export interface ParsedBody {
  readonly model: string;
  /** The position of the model's name. */
  readonly span: Span;
  readonly stream: boolean;
  /** Parsed. @throws InvalidInputError */
  readonly value: (field: string) => unknown;
}

export const LONGEST_NAME = 200;

/**
 * Reads only `fields` of a JSON body; the worker validates the rest.
 * @throws InvalidInputError when the body has no model, or one of the fields twice
 */
export function parseBodyFields(bytes: Buffer, fields: ReadonlySet<string>): ParsedBody {
  if (bytes.length === 0) throw fieldFault('', 'the body is empty; it must be a JSON object');
  const spans = findFields(bytes, fields);
  const value = (field: string): unknown => {
    const span = spans.get(field);
    return span === undefined ? undefined : parsedSpan(bytes, span);
  };
  const span = spans.get('model');
  const model = value('model');
  if (span === undefined || typeof model !== 'string' || model.length < 1 || model.length > LONGEST_NAME)
    throw fieldFault('model', `must name a model, 1 to ${LONGEST_NAME} characters${describeValue(model)}`);
  const stream = value('stream') ?? false;
  if (typeof stream !== 'boolean')
    throw fieldFault('stream', `must be true or false${describeValue(stream)}`);
  return { model, span, stream, value };
}

function fieldFault(field: string, problem: string): InvalidInputError {
  return new InvalidInputError([{ field, problem }]);
}

/** Parses a body of bytes. @param exact the path of objects that keep their text. @throws InvalidInputError for invalid JSON and too deep nesting */
export function parseBody(body: unknown, exact?: readonly SourceStep[]): unknown {
  const text = Buffer.isBuffer(body) ? body.toString('utf8') : '';
  if (text.trim() === '') throw bodyFault('the body is empty; it must be a JSON object');
  let value: unknown;
  try {
    value = exact === undefined ? JSON.parse(text) : parseExact(text, exact);
  } catch (error) {
    throw bodyFault(`the body is not valid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (isDeeperThan(DEEPEST_JSON + 1, value)) throw bodyFault(`the body ${TOO_DEEP}`);
  return value;
}

function bodyFault(problem: string): InvalidInputError {
  return new InvalidInputError([{ field: '', problem }]);
}

/** Calls `make` on first use, and only once. */
export function memoize<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
