import type { Transform } from 'node:stream';
import { promisify } from 'node:util';
import {
  brotliDecompress,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  gunzip,
  inflate,
  type ZlibOptions,
} from 'node:zlib';
import type { AnswerSink, Flow } from './exchange.js';
import { UpstreamError } from './failure.js';
import type { AnswerHeaders } from './headers.js';

/** One way to compress a body [RFC 9110, 8.4.1]. */
export interface Coding {
  /** @throws RangeError beyond `maxOutputLength` */
  decompress(data: Buffer, options: ZlibOptions): Promise<Buffer>;
  stream(): Transform;
}

const GZIP: Coding = { decompress: promisify<Buffer, ZlibOptions, Buffer>(gunzip), stream: createGunzip };
const CODINGS: ReadonlyMap<string, Coding> = new Map<string, Coding>([
  ['gzip', GZIP],
  ['x-gzip', GZIP],
  ['deflate', { decompress: promisify<Buffer, ZlibOptions, Buffer>(inflate), stream: createInflate }],
  [
    'br',
    { decompress: promisify<Buffer, ZlibOptions, Buffer>(brotliDecompress), stream: createBrotliDecompress },
  ],
]);

/** `undefined`: an unknown coding. */
export function codingOf({ 'content-encoding': coding }: AnswerHeaders): Coding | undefined {
  return typeof coding === 'string' ? CODINGS.get(coding.trim().toLowerCase()) : undefined;
}

/** Decompresses an answer chunk by chunk: some servers compress without a request to. A body in no known coding stays as it is. */
export class DecodingSink implements AnswerSink {
  #decoder: Transform | null = null;
  #flow: Flow | null = null;
  #isEmpty = true;
  #isOver = false;

  constructor(private readonly sink: AnswerSink) {}

  head(status: number, headers: AnswerHeaders, flow: Flow): void {
    const decoder = codingOf(headers)?.stream();
    if (decoder === undefined) return this.sink.head(status, headers, flow);
    this.#decoder = decoder;
    let isPaused = false;
    decoder
      .on('data', (chunk: Buffer) => this.#isOver || this.sink.chunk(chunk))
      .on('drain', () => isPaused || flow.resume())
      .on('end', () => this.#settle(() => this.sink.end()))
      .on('error', (cause: Error) => {
        flow.cancel();
        this.#settle(() => this.sink.fail(notDecodable(String(headers['content-encoding']), cause)));
      });
    this.sink.head(
      status,
      { ...headers, 'content-encoding': undefined, 'content-length': undefined },
      {
        pause: () => {
          isPaused = true;
          decoder.pause();
          flow.pause();
        },
        resume: () => {
          isPaused = false;
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

  #settle(report: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    report();
  }
}

function notDecodable(coding: string, cause: Error): UpstreamError {
  if ('code' in cause && cause.code === 'Z_BUF_ERROR')
    return new UpstreamError('broken', `the answer ended in the middle of its ${coding}`, { cause });
  return new UpstreamError('bad_answer', `the answer says it is ${coding} and is not`, { cause });
}
