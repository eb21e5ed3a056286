import type { FastifyReply } from 'fastify';

/** A proxy or a client that hears nothing for so long may hang up; a comment is no event [WHATWG HTML, 9.2.7]. */
const HEARTBEAT_MS = 15_000;
const HEARTBEAT = ': still here\n\n';

/** A response that is an event stream: written event by event, kept alive between them, at the reader's pace. */
export class SseResponse {
  private readonly heartbeat: NodeJS.Timeout;

  /** Sends the headers at once. @param resume called when the reader can take more, after `write` said no */
  constructor(
    private readonly reply: FastifyReply,
    resume: () => void,
    heartbeatMs = HEARTBEAT_MS,
  ) {
    reply
      .type('text/event-stream; charset=utf-8')
      // Nothing on the way may hold an event back, compress or keep it.
      .header('cache-control', 'no-cache, no-transform')
      .header('x-accel-buffering', 'no');
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(reply.statusCode, reply.getHeaders() as Record<string, string>);
    raw.flushHeaders();
    raw.on('drain', resume);
    raw.once('close', () => clearTimeout(this.heartbeat));
    this.heartbeat = setTimeout(() => this.beat(), heartbeatMs).unref();
  }

  /** Whole events only. @returns false: no more until `resume` is called */
  write(events: string | Buffer): boolean {
    if (events.length === 0) return true;
    this.heartbeat.refresh();
    return this.reply.raw.write(events);
  }

  end(): void {
    clearTimeout(this.heartbeat);
    this.reply.raw.end();
  }

  private beat(): void {
    // A reader that does not take what is there needs no more.
    if (!this.reply.raw.writableNeedDrain) this.reply.raw.write(HEARTBEAT);
    this.heartbeat.refresh();
  }
}
