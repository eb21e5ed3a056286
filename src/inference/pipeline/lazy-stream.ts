import type { ChatEvent } from '../chat/chat.js';
import type { ResponseStream } from '../client/client-response.js';
import type { CommittableStream } from './relay-stream.js';

/**
 * Begins the caller's answer with its first piece, since until then another worker may be asked. A caller must hear within
 * `silenceMs` that somebody is there, though: then it begins without.
 */
export class LazyStream implements CommittableStream {
  private begun: ResponseStream | null = null;
  /** What was counted before there was anything: no piece, but not to be lost. */
  private counted: ChatEvent | null = null;
  private readonly silence: NodeJS.Timeout;

  constructor(
    private readonly begin: () => ResponseStream,
    silenceMs: number,
  ) {
    this.silence = setTimeout(() => this.pieces(), silenceMs).unref();
  }

  get committed(): boolean {
    return this.begun !== null;
  }

  event(event: ChatEvent): boolean {
    if (this.begun === null && event.kind === 'usage') {
      this.counted = event;
      return true;
    }
    return this.pieces().event(event);
  }

  end(): void {
    this.pieces().end();
  }

  /** Of what has not begun, whoever asked for it is told. */
  fail(error: unknown): void {
    clearTimeout(this.silence);
    this.begun?.fail(error);
  }

  private pieces(): ResponseStream {
    if (this.begun !== null) return this.begun;
    clearTimeout(this.silence);
    this.begun = this.begin();
    if (this.counted !== null) this.begun.event(this.counted);
    return this.begun;
  }
}
