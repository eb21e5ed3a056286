import { ProtocolError } from '../chat/protocol-error.js';

/** Of one event, in characters: what a stream may make us keep. */
export const LONGEST_EVENT = 1024 * 1024;

export function eventTooLong(): ProtocolError {
  return new ProtocolError(`an event of the stream is longer than ${LONGEST_EVENT} characters`);
}
