import { isObject } from '../protocols/from-openai/json-object.js';
import { parsedOrUndefined } from '../request/parsed-or-undefined.js';

const LONGEST = 300;

/** What an event says of an error, where servers put it; `undefined`: nothing. An event that is no JSON is its own words. */
export function toldError(data: string): string | undefined {
  const body = parsedOrUndefined(data);
  if (body === undefined) return shortened(data);
  if (!isObject(body)) return undefined;
  const { error, message, detail, text } = body;
  const places = [isObject(error) ? error['message'] : error, message, detail, text];
  return places.map(shortened).find((told) => told !== undefined);
}

/** `undefined`: it is no text, or none that says anything. */
export function shortened(told: unknown): string | undefined {
  return typeof told === 'string' && told.trim() !== '' ? told.trim().slice(0, LONGEST) : undefined;
}
