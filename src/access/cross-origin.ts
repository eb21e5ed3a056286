import fastifyCors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';

/** Chrome keeps a preflight no longer. https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Access-Control-Max-Age */
const PREFLIGHT_AGE_S = 7200;

/**
 * Lets pages of other origins call the service: answers preflights, which carry no key, and adds the headers that make a
 * browser hand over an answer. Call before the hook that checks keys; without origins it adds no hook.
 * @param origins of `CORS_ORIGINS`
 */
export async function allowOrigins(server: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return;
  await server.register(fastifyCors, {
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    // Requests carry a key in a header and no cookie, so `*` stands for every header: x-mmm-*, retry-after, rate limits
    // under each vendor's names. https://fetch.spec.whatwg.org/#http-access-control-expose-headers
    exposedHeaders: '*',
    maxAge: PREFLIGHT_AGE_S,
    // Otherwise an OPTIONS that is no preflight is a 400 in plain text.
    strictPreflight: false,
  });
}
