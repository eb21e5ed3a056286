import { randomUUID } from 'node:crypto';

/** Of a call that came without one. Clients keep the calls of a whole chat by their ids, so none comes twice. */
export function newCallId(): string {
  return `call_${randomUUID().replaceAll('-', '')}`;
}
