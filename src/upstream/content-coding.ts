import { promisify, TextDecoder } from 'node:util';
import { brotliDecompress, gunzip, inflate, type ZlibOptions } from 'node:zlib';
import { UpstreamError } from './upstream-errors.js';
import type { AnswerSink, Flow } from './exchange.js';
import type { AnswerHeaders } from './upstream-errors.js';
import { createGunzip, createInflate, createBrotliDecompress } from 'zlib';
import type { Transform } from 'stream';

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

const DECODERS: ReadonlyMap<string, () => Transform> = new Map<string, () => Transform>([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

/**
 * Takes the coding from an answer that its server compressed although nobody asked for it, piece by piece. What is in none,
 * or in one that is not known, goes through as it is.
 */
export class DecodingSink implements AnswerSink {
  #decoder: Transform | null = null;
  #flow: Flow | null = null;
  #isEmpty = true;
  #isOver = false;

  constructor(private readonly sink: AnswerSink) {}

  head(status: number, headers: AnswerHeaders, flow: Flow): void {
    const coding = headers['content-encoding'];
    const decoder = typeof coding === 'string' ? DECODERS.get(coding.trim().toLowerCase())?.() : undefined;
    if (decoder === undefined) return this.sink.head(status, headers, flow);
    this.#decoder = decoder;
    let isHeld = false;
    decoder
      .on('data', (chunk: Buffer) => this.#isOver || this.sink.chunk(chunk))
      .on('drain', () => isHeld || flow.resume())
      .on('end', () => this.#settle(() => this.sink.end()))
      .on('error', (cause: Error) => {
        flow.cancel();
        this.#settle(() => this.sink.fail(notDecodable(String(coding), cause)));
      });
    this.sink.head(
      status,
      { ...headers, 'content-encoding': undefined, 'content-length': undefined },
      {
        pause: () => {
          isHeld = true;
          decoder.pause();
          flow.pause();
        },
        resume: () => {
          isHeld = false;
          decoder.resume();
          if (!decoder.writableNeedDrain) flow.resume();
        },
        cancel: () => {
          this.#isOver = true;
          flow.cancel();
          decoder.destroy();
        },
      },
    );
    this.#flow = flow;
  }

  chunk(chunk: Buffer): void {
    if (this.#decoder === null) return this.sink.chunk(chunk);
    this.#isEmpty = false;
    if (!this.#decoder.write(chunk)) this.#flow?.pause();
  }

  end(): void {
    if (this.#decoder === null || this.#isEmpty) this.sink.end();
    else this.#decoder.end();
  }

  fail(error: UpstreamError): void {
    this.#settle(() => this.sink.fail(error));
    this.#decoder?.destroy();
  }

  #settle(tell: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    tell();
  }
}

function notDecodable(coding: string, cause: Error): UpstreamError {
  const facts = { answerBegan: true, cause };
  if ('code' in cause && cause.code === 'Z_BUF_ERROR')
    return new UpstreamError('broken', `the answer ended in the middle of its ${coding}`, facts);
  return new UpstreamError('malformed', `the answer says it is ${coding} and is not`, facts);
}
