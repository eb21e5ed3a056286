import { UnjudgedError } from '../../upstream/unjudged-error.js';

/**
 * Of one event, in characters: what a stream may make us keep. Gemini sends an image whole in one event, in base64, which
 * takes several MiB. Well below MAX_RESPONSE_BYTES, as there are many streams at once.
 */
export const LONGEST_EVENT = 16 * 1024 * 1024;

/** Of a worker that is well: it does what it was asked. */
export function eventTooLong(longest: number): UnjudgedError {
  return new UnjudgedError(`an event of the stream is longer than ${longest} characters`);
}
