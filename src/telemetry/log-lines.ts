import { pino, symbols, type DestinationStream, type Logger, type Level } from 'pino';

/** Lines are written in batches: one system call a line would take as much CPU time as the request that it describes. */
const BATCH_CHARACTERS = 65_536;
const FLUSH_MS = 100;

/** Collects lines and writes them in batches, at the latest after FLUSH_MS and when the process ends. */
export class LineBatches implements DestinationStream {
  private pending = '';
  private readonly later: DestinationStream;
  private readonly atOnce: DestinationStream;

  constructor(fd: number) {
    this.later = pino.destination({ fd, sync: false });
    this.atOnce = pino.destination({ fd, sync: true });
    setInterval(() => this.writeTo(this.later), FLUSH_MS).unref();
    process.once('exit', () => this.flushSync());
  }

  write(line: string): void {
    this.pending += line;
    if (this.pending.length >= BATCH_CHARACTERS) this.writeTo(this.later);
  }

  /** Returns when all collected lines are written. */
  flushSync(): void {
    this.writeTo(this.atOnce);
  }

  private writeTo(output: DestinationStream): void {
    if (this.pending === '') return;
    const lines = this.pending;
    this.pending = '';
    output.write(lines);
  }
}

const SECOND_MS = 1000;
let second = NaN;
let upToTheSecond = '';

/** `,"time":"2026-11-23T00:01:02.003Z"` of now, in pino's format. The part that is constant within a second is computed once. */
export function isoTime(nowMs = Date.now()): string {
  const ms = nowMs % SECOND_MS;
  if (nowMs - ms !== second) {
    second = nowMs - ms;
    upToTheSecond = `,"time":"${new Date(second).toISOString().slice(0, -'000Z'.length)}`;
  }
  return `${upToTheSecond}${String(ms).padStart(3, '0')}Z"`;
}

/** The fields of pino's logger, under the symbols it documents. */
interface Insides {
  readonly [symbols.lsCacheSym]: Readonly<Record<number, string>>;
  readonly [symbols.timeSym]: () => string;
  readonly [symbols.chindingsSym]: string;
  readonly [symbols.streamSym]: DestinationStream;
}

/**
 * Writes the same line as `logger[level](fields)`, given the fields as JSON without the braces: pino checks serializers,
 * redaction and merging for every field of every line, which costs several times the rest.
 */
export function plainLines(logger: Logger, level: Level): (fields: string) => void {
  if (!logger.isLevelEnabled(level)) return () => {};
  const insides = logger as unknown as Insides;
  const stream = insides[symbols.streamSym];
  const head = insides[symbols.lsCacheSym][logger.levels.values[level] ?? NaN];
  const bindings = insides[symbols.chindingsSym];
  return (fields) => stream.write(`${head}${insides[symbols.timeSym]()}${bindings},${fields}}\n`);
}

/** Ids, paths and names of most models, which need no escape. */
const PLAIN = /^[\w./:@-]*$/;

/** A text as JSON. */
export function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}
