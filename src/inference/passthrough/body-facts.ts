import { describeValue } from '../../input/json.js';
import { InvalidInputError } from '../../input/input-errors.js';
import type { RawBody } from '../request/inference-request.js';
import { findFields, type Span, valueAt } from './json-fields.js';

/** What has to be known of a body to pass it on. */
export interface BodyFacts {
  readonly raw: RawBody;
  readonly model: string;
  readonly stream: boolean;
  /** What requests that belong together begin with. */
  readonly beginning: string;
}

/** Of a JSON body, in whichever API's words: all of them name a model, and say whether the answer is to be a stream. */
export interface Asked {
  readonly model: string;
  /** Where its name stands. */
  readonly span: Span;
  readonly stream: boolean;
  readonly spanOf: (field: string) => Span | undefined;
  /** Parsed. @throws InvalidInputError */
  readonly value: (field: string) => unknown;
}

export const LONGEST_NAME = 200;
/** Of a prompt's beginning. */
const KEY_BYTES = 256;

/**
 * Reads `fields` of a JSON body and nothing else of it: what a field means is its worker's business.
 * @throws InvalidInputError when it names no model, or one of the fields twice
 */
export function readAsked(bytes: Buffer, fields: ReadonlySet<string>): Asked {
  if (bytes.length === 0) throw fault('', 'the body is empty; it must be a JSON object');
  const spans = findFields(bytes, fields);
  const value = (field: string): unknown => {
    const span = spans.get(field);
    return span === undefined ? undefined : valueAt(bytes, span);
  };
  const span = spans.get('model');
  const model = value('model');
  if (span === undefined || typeof model !== 'string' || model.length < 1 || model.length > LONGEST_NAME)
    throw fault('model', `must name a model, 1 to ${LONGEST_NAME} characters${describeValue(model)}`);
  const stream = value('stream') ?? false;
  if (typeof stream !== 'boolean') throw fault('stream', `must be true or false${describeValue(stream)}`);
  return { model, span, stream, spanOf: (field) => spans.get(field), value };
}

/** How what stands there begins. */
export function startOf(bytes: Buffer, span: Span | undefined): string {
  if (span === undefined) return '';
  return bytes.toString('latin1', span.start, Math.min(span.end, span.start + KEY_BYTES));
}

function fault(field: string, problem: string): InvalidInputError {
  return new InvalidInputError([{ field, problem }]);
}
