import { StringDecoder } from 'node:string_decoder';

const BYTE_ORDER_MARK = '\uFEFF';

/** UTF-8 that comes in pieces, as text without its byte order mark; a character cut in two waits for its rest. */
export class Utf8Text {
  private readonly decoder = new StringDecoder('utf8');
  private begun = false;

  write(chunk: Buffer): string {
    return this.withoutMark(this.decoder.write(chunk));
  }

  /** What never became whole, as U+FFFD. */
  end(): string {
    return this.withoutMark(this.decoder.end());
  }

  private withoutMark(text: string): string {
    if (this.begun || text === '') return text;
    this.begun = true;
    return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
  }
}
