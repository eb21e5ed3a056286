import type { FastifyRequest } from 'fastify';

/** Of a prompt's beginning: prompts that begin alike are answered faster by a worker that has seen one. */
const KEY_LENGTH = 256;

/** What tells the requests of one conversation from others; never who asks. */
export function affinityKey(http: FastifyRequest, begin: unknown): string {
  const session = http.headers['x-session-id'];
  if (typeof session === 'string') return session;
  return typeof begin === 'string' ? begin.slice(0, KEY_LENGTH) : '';
}

/** What of the caller's headers a worker gets to see. Never his key. */
export function passedOn(http: FastifyRequest): Readonly<Record<string, string>> {
  const { traceparent } = http.headers;
  return typeof traceparent === 'string'
    ? { 'x-request-id': http.id, traceparent }
    : { 'x-request-id': http.id };
}
