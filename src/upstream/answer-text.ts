import { promisify, TextDecoder } from 'node:util';
import { brotliDecompress, gunzip, inflate, type ZlibOptions } from 'node:zlib';

type Decompress = (data: Buffer, options: ZlibOptions) => Promise<Buffer>;

const codings: Readonly<Record<string, Decompress>> = {
  gzip: promisify<Buffer, ZlibOptions, Buffer>(gunzip),
  'x-gzip': promisify<Buffer, ZlibOptions, Buffer>(gunzip),
  deflate: promisify<Buffer, ZlibOptions, Buffer>(inflate),
  br: promisify<Buffer, ZlibOptions, Buffer>(brotliDecompress),
};

/** The decoder of a content-coding (RFC 9110 §8.4.1); undefined for one we do not know. */
export const decompressor = (coding: string): Decompress | undefined => codings[coding.trim().toLowerCase()];

const charsetOf = /;\s*charset\s*=\s*"?([^\s";]+)/i;

/** The text of a body in the charset its content-type names, UTF-8 otherwise. Never throws: bad bytes become U+FFFD. */
export function textOf(body: Buffer, contentType: string | undefined): string {
  const charset = contentType === undefined ? undefined : charsetOf.exec(contentType)?.[1];
  if (charset === undefined || /^utf-?8$/i.test(charset)) {
    const text = body.toString('utf8');
    return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  }
  return decoderOf(charset).decode(body);
}

function decoderOf(charset: string): TextDecoder {
  try {
    return new TextDecoder(charset);
  } catch {
    return new TextDecoder();
  }
}
