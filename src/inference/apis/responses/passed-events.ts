import { type Fields, isJsonObject, type JsonObject } from '../../../input/json.js';
import { eventBodies } from '../../passthrough/error-in-success.js';

/** The responses in events such as `response.created` and `response.completed`. */
export function responsesIn(events: Buffer): readonly Fields[] {
  return eventBodies(events)
    .map((body) => (isJsonObject(body) ? body['response'] : null))
    .filter(isJsonObject);
}

/**
 * The last event of a stream that was passed through and broke off: the response as it began, failed, with the number that
 * follows.
 * @param first the first events of the stream, `last` its last ones; `null`: none came
 * @param fallback the response where the stream holds none
 */
export function failedEvent(
  first: Buffer | null,
  last: Buffer | null,
  fallback: JsonObject,
  error: { readonly code: string; readonly message: string },
): string {
  const [begun = fallback] = first === null ? [] : responsesIn(first);
  const response = { ...begun, status: 'failed', error };
  const type = 'response.failed';
  const event = { type, sequence_number: last === null ? 0 : lastNumber(last) + 1, response };
  return `event: ${type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** -1 where the server counts no events. */
function lastNumber(events: Buffer): number {
  const numbers = eventBodies(events).map((body) => (isJsonObject(body) ? body['sequence_number'] : null));
  return numbers.findLast((number) => typeof number === 'number') ?? -1;
}
