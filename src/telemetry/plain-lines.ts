import { symbols, type DestinationStream, type Level, type Logger } from 'pino';

/** What pino keeps in a logger, under the symbols it documents. */
interface Insides {
  readonly [symbols.lsCacheSym]: Readonly<Record<number, string>>;
  readonly [symbols.timeSym]: () => string;
  readonly [symbols.chindingsSym]: string;
  readonly [symbols.streamSym]: DestinationStream;
}

/**
 * Writes the very line that `logger[level](fields)` would, given the fields as JSON without the braces: pino looks for
 * serializers, redaction and merging at every field of every line, which costs several times what there is to do.
 */
export function plainLines(logger: Logger, level: Level): (fields: string) => void {
  if (!logger.isLevelEnabled(level)) return () => {};
  const insides = logger as unknown as Insides;
  const stream = insides[symbols.streamSym];
  const head = insides[symbols.lsCacheSym][logger.levels.values[level] ?? NaN];
  const bindings = insides[symbols.chindingsSym];
  return (fields) => stream.write(`${head}${insides[symbols.timeSym]()}${bindings},${fields}}\n`);
}
