import type { FastifyReply } from 'fastify';
import { explanationComment } from '../pipeline/explanation.js';
import { holdUnsent } from './unsent-bytes.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** The response of every event stream; a proxy or a client may disconnect after a longer silence. */
    streamHeartbeatMs: number;
  }
}

const [CR, LF] = [0x0d, 0x0a] as const;
/** Larger ones are not copied. */
const LARGEST_COPIED_BYTES = 16 * 1024;

/** A comment is no event [WHATWG HTML, 9.2.7]. */
const HEARTBEAT = ': still here\n\n';

/** A response as an event stream: written event by event at the client's pace, with heartbeats in between. */
export class SseResponse {
  private readonly heartbeat: NodeJS.Timeout;
  private isWithin = false;
  private readonly isChunked: boolean;

  /** Sends the headers at once. @param resume called when the client can take more after `write` returned false, and when it disconnects */
  constructor(
    private readonly reply: FastifyReply,
    resume: () => void,
  ) {
    reply
      .type('text/event-stream; charset=utf-8')
      // No proxy may buffer, compress or cache events.
      .header('cache-control', 'no-cache, no-transform')
      .header('x-accel-buffering', 'no');
    reply.hijack();
    const { raw } = reply;
    this.heartbeat = setTimeout(() => this.beat(), reply.server.streamHeartbeatMs).unref();
    if (raw.destroyed) clearTimeout(this.heartbeat);
    // Headers and the first event, written in the same turn, become one packet.
    raw.cork();
    raw.writeHead(reply.statusCode, reply.getHeaders() as Record<string, string>);
    raw.flushHeaders();
    this.isChunked = raw.chunkedEncoding;
    raw.chunkedEncoding = false;
    process.nextTick(() => this.uncork());
    raw.once('close', () => clearTimeout(this.heartbeat));
    this.whenRoom(resume);
  }

  /** The stream that keeps the client waiting already, else a new one. @param resume as of the constructor */
  static of(reply: FastifyReply, resume: () => void): SseResponse {
    const held = reply.request.held?.take() ?? null;
    if (held === null) return new SseResponse(reply, resume);
    held.whenRoom(resume);
    return held;
  }

  /**
   * Writes whole events; with `isWithin` the last of them continues with the next call.
   * @returns false: wait for `resume`. Always true after the client disconnected, so that the upstream is never paused.
   */
  write(events: string | Buffer, isWithin = false): boolean {
    const { raw } = this.reply;
    if (events.length === 0 || raw.destroyed) return true;
    this.isWithin = isWithin;
    this.heartbeat.refresh();
    const { facts } = this.reply.request;
    facts.firstEventMs ??= performance.now() - facts.startedMs;
    return this.send(events);
  }

  /**
   * Makes a chunk of the body [RFC 9112, 7.1] by itself, since Node writes its size, its bytes and two line ends one by one: a write of
   * 200 bytes takes 7.7 µs in place of 8.4 from a buffer, and 7.2 in place of 9.6 from a text, kernel included.
   */
  private send(bytes: string | Buffer): boolean {
    const { raw } = this.reply;
    if (!this.isChunked) return raw.write(bytes);
    if (typeof bytes === 'string')
      return raw.write(`${Buffer.byteLength(bytes).toString(16)}\r\n${bytes}\r\n`);
    const { length } = bytes;
    const size = `${length.toString(16)}\r\n`;
    if (length > LARGEST_COPIED_BYTES) {
      raw.write(size);
      raw.write(bytes);
      return raw.write('\r\n');
    }
    const start = size.length;
    const chunk = Buffer.allocUnsafe(start + length + 2);
    chunk.write(size, 0, 'latin1');
    chunk.set(bytes, start);
    chunk[start + length] = CR;
    chunk[start + length + 1] = LF;
    return raw.write(chunk);
  }

  /** Part of no answer. */
  comment(line: string): void {
    this.send(line);
  }

  end(): void {
    clearTimeout(this.heartbeat);
    this.write(explanationComment(this.reply));
    // Node.js 22 and later lose what is corked when a response in chunks ends.
    this.uncork();
    // Node writes the last chunk.
    this.reply.raw.chunkedEncoding = this.isChunked;
    this.reply.raw.end();
    // A whole answer that became a stream may still be here.
    holdUnsent(this.reply);
  }

  private whenRoom(resume: () => void): void {
    this.reply.raw.on('drain', resume).once('close', resume);
  }

  private uncork(): void {
    const { raw } = this.reply;
    if (raw.writableCorked > 0) raw.uncork();
  }

  private beat(): void {
    const { raw } = this.reply;
    // A client that does not read needs no heartbeat.
    if (!this.isWithin && !raw.writableNeedDrain) this.send(HEARTBEAT);
    this.heartbeat.refresh();
  }
}
