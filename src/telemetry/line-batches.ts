import { pino, type DestinationStream } from 'pino';

/** A write to the system for each line would cost as much as the request it tells of. */
const BATCH_CHARACTERS = 65_536;
const FLUSH_MS = 100;

/** Collects lines and writes them many at a time, at the latest after FLUSH_MS and when the process ends. */
export class LineBatches implements DestinationStream {
  private pending = '';
  private readonly later: DestinationStream;
  private readonly atOnce: DestinationStream;

  constructor(fd: number) {
    this.later = pino.destination({ fd, sync: false });
    this.atOnce = pino.destination({ fd, sync: true });
    setInterval(() => this.passOn(this.later), FLUSH_MS).unref();
    process.once('exit', () => this.flushSync());
  }

  write(line: string): void {
    this.pending += line;
    if (this.pending.length >= BATCH_CHARACTERS) this.passOn(this.later);
  }

  /** Returns when what was still held back is written. */
  flushSync(): void {
    this.passOn(this.atOnce);
  }

  private passOn(output: DestinationStream): void {
    if (this.pending === '') return;
    const lines = this.pending;
    this.pending = '';
    output.write(lines);
  }
}
