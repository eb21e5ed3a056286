import type { FastifyReply } from 'fastify';
import { holdUntilSent } from '../../streams/unsent-bytes.js';
import { SseResponse } from '../../streams/sse-response.js';

/**
 * How a client is kept waiting longer than proxies allow. `spaces`: JSON may begin with them [RFC 8259, 2], but the status
 * is 200 from then on, so only for an API whose clients see a failure in the body. `events`: comments of a stream. `none`:
 * only a status could report a failure, so nothing is sent before the end.
 */
export type Patience = 'spaces' | 'events' | 'none';

/** The response to a client that waits for a job. */
export class PatientReply {
  private readonly timer: NodeJS.Timeout | undefined;
  private begun: SseResponse | 'spaces' | null = null;

  constructor(
    private readonly reply: FastifyReply,
    private readonly patience: Patience,
  ) {
    const { streamHeartbeatMs } = reply.server;
    if (patience === 'none') return;
    this.timer = setTimeout(() => this.beat(), streamHeartbeatMs).unref();
    reply.raw.once('close', () => clearTimeout(this.timer));
  }

  /** Whether the status is sent: an error has to go into the body. */
  get hasBegun(): boolean {
    return this.begun !== null;
  }

  /** The body, whole, or the events of a stream; last. */
  end(body: string): void {
    clearTimeout(this.timer);
    holdUntilSent(this.reply, body.length);
    if (this.patience === 'events') {
      const stream = this.stream();
      stream.write(body);
      stream.end();
    } else if (this.begun === 'spaces') this.reply.raw.end(body);
    else this.reply.type(JSON_TYPE).send(body);
  }

  /** Nothing more is sent here. */
  stop(): void {
    clearTimeout(this.timer);
  }

  private beat(): void {
    if (this.reply.raw.destroyed) return;
    if (this.patience === 'events') {
      // From here on the stream has heartbeats of its own.
      this.stream().write(FIRST_COMMENT);
      return;
    }
    if (this.begun === null) this.begin();
    if (!this.reply.raw.writableNeedDrain) this.reply.raw.write(' ');
    this.timer?.refresh();
  }

  private stream(): SseResponse {
    if (this.begun instanceof SseResponse) return this.begun;
    const stream = new SseResponse(this.reply, () => {});
    this.begun = stream;
    return stream;
  }

  private begin(): void {
    this.begun = 'spaces';
    const { reply } = this;
    // No proxy may hold the spaces back to buffer or compress them.
    reply.type(JSON_TYPE).header('cache-control', 'no-cache, no-transform').header('x-accel-buffering', 'no');
    reply.hijack();
    reply.raw.writeHead(reply.statusCode, reply.getHeaders() as Record<string, string>);
  }
}

const JSON_TYPE = 'application/json; charset=utf-8';
const FIRST_COMMENT = ': the job is running\n\n';
