import { isObject } from '../protocols/from-openai/json-object.js';
import type { RawBody } from '../client/inference-request.js';
import { type RawRequest, parseBodyFields, startOf } from '../passthrough/raw-request.js';

const FIELDS: ReadonlySet<string> = new Set(['model', 'stream', 'metadata', 'messages']);

/** @throws InvalidInputError */
export function readMessage(
  called: Pick<RawBody, 'path' | 'query' | 'headers' | 'contentType'>,
  body: unknown,
): RawRequest {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  const { model, span, stream, spanOf, value } = parseBodyFields(bytes, FIELDS);
  const metadata = value('metadata');
  const user = isObject(metadata) ? metadata['user_id'] : undefined;
  return {
    raw: { dialect: 'anthropic', ...called, bytes, model: span, spelled: 'json' },
    model,
    stream,
    affinitySource: typeof user === 'string' ? user : startOf(bytes, spanOf('messages')),
  };
}
