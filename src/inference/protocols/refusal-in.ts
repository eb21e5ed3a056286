import { parsedOrUndefined } from '../request/parsed-or-undefined.js';
import { isObject } from './from-openai/json-object.js';

const LONGEST = 2000;

/**
 * What an error of OpenAI, Anthropic or Gemini says: all three have it at `error.message`, Gemini's streams in a list. Of those
 * that speak OpenAI's API, Mistral, SGLang and FastChat have no envelope around it. `undefined`: it is none.
 */
export function refusalIn(text: string): string | undefined {
  const body = parsedOrUndefined(text);
  const first: unknown = Array.isArray(body) ? body[0] : body;
  const error = isObject(first) ? (first['object'] === 'error' ? first : first['error']) : undefined;
  const message = isObject(error) ? error['message'] : error;
  return typeof message === 'string' && message !== '' ? message.slice(0, LONGEST) : undefined;
}
