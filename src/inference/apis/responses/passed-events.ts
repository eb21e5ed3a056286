import { type Fields, isJsonObject, type JsonObject } from '../../../input/json.js';
import { eventBodies } from '../../passthrough/error-in-success.js';

/** The types of openai's package know a code for each fault; a broken stream is a fault of the server. */
const BROKEN = 'server_error';

/** The response in the first of its events, `response.created` or `response.queued`; `null`: they hold none. */
export function responseIn(events: Buffer): Fields | null {
  for (const body of eventBodies(events))
    if (isJsonObject(body) && isJsonObject(body['response'])) return body['response'];
  return null;
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
  message: string,
): string {
  const begun = first === null ? null : responseIn(first);
  const response = { ...(begun ?? fallback), status: 'failed', error: { code: BROKEN, message } };
  const type = 'response.failed';
  const event = { type, sequence_number: last === null ? 0 : lastNumber(last) + 1, response };
  return `event: ${type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** -1 where the server counts no events. */
function lastNumber(events: Buffer): number {
  const numbers = eventBodies(events).map((body) => (isJsonObject(body) ? body['sequence_number'] : null));
  return numbers.findLast((number) => typeof number === 'number') ?? -1;
}
