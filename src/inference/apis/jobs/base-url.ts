import type { FastifyRequest } from 'fastify';

/**
 * Scheme and host by which the client reached this service, for links in its own answer. A proxy in front says them in
 * `X-Forwarded-*`; a client that makes them up misleads itself only.
 */
export function baseUrlOf({
  headers,
  protocol,
  host,
}: Pick<FastifyRequest, 'headers' | 'protocol' | 'host'>): string {
  const scheme = first(headers['x-forwarded-proto']);
  const forwarded = first(headers['x-forwarded-host']);
  const isHttp = scheme === 'http' || scheme === 'https';
  const named = HOST.test(forwarded) ? forwarded : host;
  return `${isHttp ? scheme : protocol}://${named}`;
}

const HOST = /^[A-Za-z0-9._~-]+(:\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](:\d{1,5})?$/;

function first(header: string | string[] | undefined): string {
  const text = typeof header === 'string' ? header : (header?.[0] ?? '');
  return text.split(',', 1).join('').trim();
}
