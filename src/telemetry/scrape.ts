import { Readable } from 'node:stream';
import { constants, createGzip } from 'node:zlib';
import type { Metrics } from './metrics.js';

/** The answer to a scrape, for any server. */
export interface Scrape {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}

const TEXT = 'text/plain; version=0.0.4; charset=utf-8';

/** @param acceptEncoding the header of the request */
export function scrape(metrics: Metrics, acceptEncoding: string | undefined): Scrape {
  const text = Readable.from(metrics.text());
  const headers = { 'content-type': TEXT, vary: 'accept-encoding' };
  if (!acceptsGzip(acceptEncoding)) return { headers, body: text };
  const gzip = createGzip({ level: constants.Z_BEST_SPEED });
  text.on('error', (error) => gzip.destroy(error));
  gzip.on('close', () => text.destroy());
  return { headers: { ...headers, 'content-encoding': 'gzip' }, body: text.pipe(gzip) };
}

/** [RFC 9110, 12.5.3]; `q=0` means not acceptable. */
export function acceptsGzip(acceptEncoding = ''): boolean {
  return acceptEncoding.split(',').some((item) => {
    const [coding = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    if (coding !== 'gzip' && coding !== '*') return false;
    return !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}
