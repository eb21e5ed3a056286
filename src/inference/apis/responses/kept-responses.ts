import { type Fields, isJsonObject, parsedOrUndefined } from '../../../input/json.js';
import type { WorkerObjects } from '../../../registry/live/worker-objects.js';
import type { KeptObjects } from '../../client/inference-request.js';
import { findFields, parsedSpan } from '../../passthrough/json-scanner.js';
import { responsesIn } from './passed-events.js';

const FIELDS: ReadonlySet<string> = new Set(['previous_response_id', 'conversation', 'store']);
const REFERENCE = Buffer.from('"item_reference"');
/** All of a chat are at one worker; the newest are the likeliest to be known. */
const MOST_REFERENCES = 8;

/**
 * Responses, their items and conversations are kept by the server that made them, and no other has them: a request that names
 * one must go there. Only such a request waits to learn where.
 * @throws InvalidInputError when the body is not valid JSON as far as it is read
 */
export async function keptResponses(
  objects: WorkerObjects,
  body: Buffer,
  parsed: () => Fields,
): Promise<KeptObjects> {
  const spans = findFields(body, FIELDS);
  const valueOf = (field: string): unknown => {
    const span = spans.get(field);
    return span === undefined ? undefined : parsedSpan(body, span);
  };
  const named = [
    ...idsIn(valueOf('previous_response_id')),
    ...idsIn(valueOf('conversation')),
    ...(body.includes(REFERENCE) ? referencesIn(parsed()['input']) : []),
  ];
  const isKept = valueOf('store') !== false;
  return {
    holderId: named.length === 0 ? null : await objects.workerOf(named),
    keep: async (answer, isEvents, workerId) => {
      if (isKept) await objects.keep(keptIds(answer, isEvents), workerId);
    },
  };
}

/** The ids of a response that was answered, whole or in events, of its conversation and its items. */
export function keptIds(answer: Buffer, isEvents: boolean): readonly string[] {
  const responses = isEvents ? responsesIn(answer) : [parsedOrUndefined(answer.toString())];
  return [...new Set(responses.flatMap((response) => (isJsonObject(response) ? idsOf(response) : [])))];
}

function idsOf({ id, conversation, output, store }: Fields): readonly string[] {
  if (store === false) return [];
  const items: readonly unknown[] = Array.isArray(output) ? output : [];
  return [id, conversation, ...items].flatMap(idsIn);
}

/** An id is a string, or that of an object. */
function idsIn(value: unknown): readonly string[] {
  const id = isJsonObject(value) ? value['id'] : value;
  return typeof id === 'string' ? [id] : [];
}

/** The newest first. */
function referencesIn(input: unknown): readonly string[] {
  const items: readonly unknown[] = Array.isArray(input) ? input : [];
  return items
    .filter((item) => isJsonObject(item) && item['type'] === 'item_reference')
    .flatMap(idsIn)
    .toReversed()
    .slice(0, MOST_REFERENCES);
}
