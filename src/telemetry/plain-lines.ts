import { symbols, type DestinationStream, type Level, type Logger } from 'pino';

/** What pino keeps in a logger, under the symbols it documents. */
interface Insides {
  readonly [symbols.lsCacheSym]: Readonly<Record<number, string>>;
  readonly [symbols.timeSym]: () => string;
  readonly [symbols.chindingsSym]: string;
  readonly [symbols.streamSym]: DestinationStream;
}

/**
 * Writes the very line that `logger[level](fields)` would, for fields that are plain facts: pino looks for serializers,
 * redaction and merging at every field of every line, which costs more than all else that is done for a log line.
 */
export function plainLines(logger: Logger, level: Level): (fields: object) => void {
  if (!logger.isLevelEnabled(level)) return () => {};
  const insides = logger as unknown as Insides;
  const stream = insides[symbols.streamSym];
  const head = insides[symbols.lsCacheSym][logger.levels.values[level] ?? NaN];
  const bindings = insides[symbols.chindingsSym];
  return (fields) => {
    stream.write(`${head}${insides[symbols.timeSym]()}${bindings},${JSON.stringify(fields).slice(1)}\n`);
  };
}
