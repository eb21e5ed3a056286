import { isObject } from '../protocols/from-openai/json-object.js';
import type { RawBody } from '../request/inference-request.js';
import { type BodyFacts, readAsked, startOf } from '../passthrough/body-facts.js';

const FIELDS: ReadonlySet<string> = new Set(['model', 'stream', 'metadata', 'messages']);

/** @throws InvalidInputError */
export function readMessage(
  called: Pick<RawBody, 'path' | 'query' | 'headers' | 'contentType'>,
  body: unknown,
): BodyFacts {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  const { model, span, stream, spanOf, value } = readAsked(bytes, FIELDS);
  const metadata = value('metadata');
  const user = isObject(metadata) ? metadata['user_id'] : undefined;
  return {
    raw: { dialect: 'anthropic', ...called, bytes, model: span, spelled: 'json' },
    model,
    stream,
    beginning: typeof user === 'string' ? user : startOf(bytes, spanOf('messages')),
  };
}
