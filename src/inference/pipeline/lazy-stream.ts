import type { ChatEvent } from '../chat/chat.js';
import type { ResponseStream } from '../client/responder.js';

/**
 * Starts the client's stream with the first event: until then another worker may be tried. After `silenceMs` the stream
 * starts without one, since the client must see a sign of life.
 */
export class LazyStream implements ResponseStream {
  private stream: ResponseStream | null = null;
  /** Usage that came before any output. */
  private usage: ChatEvent | null = null;
  private readonly silence: NodeJS.Timeout;

  constructor(
    private readonly start: () => ResponseStream,
    silenceMs: number,
  ) {
    this.silence = setTimeout(() => this.started(), silenceMs).unref();
  }

  event(event: ChatEvent): boolean {
    if (this.stream === null && event.kind === 'usage') {
      this.usage = event;
      return true;
    }
    return this.started().event(event);
  }

  end(): void {
    this.started().end();
  }

  /** Before the start the client sees nothing of this attempt. */
  fail(error: unknown): void {
    clearTimeout(this.silence);
    this.stream?.fail(error);
  }

  private started(): ResponseStream {
    if (this.stream !== null) return this.stream;
    clearTimeout(this.silence);
    this.stream = this.start();
    if (this.usage !== null) this.stream.event(this.usage);
    return this.stream;
  }
}
