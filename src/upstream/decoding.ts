import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { AnswerHeaders, AnswerSink, Flow } from './exchange.js';
import { UpstreamError } from './upstream-error.js';

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
export class Decoding implements AnswerSink {
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
