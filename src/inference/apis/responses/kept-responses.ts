import { InvalidInputError } from '../../../input/input-errors.js';
import { type Fields, isJsonObject, parsedOrUndefined } from '../../../input/json.js';
import type { WorkerObjects } from '../../../registry/live/worker-objects.js';
import { NOT_KEPT, ResponseNotFoundError } from '../../chat/chat-errors.js';
import type { KeptObjects } from '../../client/inference-request.js';
import { findFields, parsedSpan } from '../../passthrough/json-scanner.js';
import { isOwnId } from './kept-thinking.js';
import { responsesIn } from './passed-events.js';

const FIELDS: ReadonlySet<string> = new Set(['previous_response_id', 'conversation', 'store']);
const REFERENCE = Buffer.from('"item_reference"');
/** All of a chat are at one worker; the newest are the likeliest to be known. */
const MOST_NAMED = 10;

/**
 * Responses, their items and conversations are kept by the server that made them, and no other has them: a request that names
 * one must go there. Only such a request waits to learn where.
 * @param isScoped whether its caller may use some models only: then all that the request names is looked up
 * @throws InvalidInputError when the body is not valid JSON as far as it is read, or names what is kept nowhere; DatabaseUnavailableError
 */
export async function keptResponses(
  objects: WorkerObjects,
  body: Buffer,
  parsed: () => Fields,
  isScoped: boolean,
): Promise<KeptObjects> {
  const spans = findFields(body, FIELDS);
  const valueOf = (field: string): unknown => {
    const span = spans.get(field);
    return span === undefined ? undefined : parsedSpan(body, span);
  };
  const previous = idsIn(valueOf('previous_response_id'));
  if (previous.some(isOwnId))
    throw new InvalidInputError([{ field: 'previous_response_id', problem: NOT_STORED }]);
  const references = body.includes(REFERENCE) ? referencesIn(parsed()['input']) : [];
  const named = [...previous, ...idsIn(valueOf('conversation')), ...references];
  const isKept = valueOf('store') !== false;
  const holderIds = await holdersOf(objects, named, isScoped);
  return {
    holderId: holderIds[0] ?? null,
    holderIds,
    notFound: () => new ResponseNotFoundError(named[0] ?? '', NOT_KEPT),
    keep: async (answer, isEvents, workerId) => {
      if (isKept) await objects.keep(keptIds(answer, isEvents), workerId);
    },
  };
}

const NOT_STORED = 'names what was translated here, which no server keeps: send the items themselves';

/** @throws DatabaseUnavailableError */
export async function holdersOf(
  objects: WorkerObjects,
  named: readonly string[],
  isScoped: boolean,
): Promise<readonly string[]> {
  if (named.length === 0) return [];
  if (isScoped) return objects.workersOf(named);
  const one = await objects.workerOf(named.slice(0, MOST_NAMED));
  return one === null ? [] : [one];
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

/** The newest first. @throws InvalidInputError */
function referencesIn(input: unknown): readonly string[] {
  const items: readonly unknown[] = Array.isArray(input) ? input : [];
  return items
    .flatMap((item, index) => {
      if (!isJsonObject(item) || item['type'] !== 'item_reference') return [];
      const ids = idsIn(item);
      if (ids.some(isOwnId)) throw new InvalidInputError([{ field: `input[${index}]`, problem: NOT_STORED }]);
      return ids;
    })
    .toReversed();
}
