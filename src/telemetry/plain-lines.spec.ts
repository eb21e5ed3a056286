import fc from 'fast-check';
import { pino, type LoggerOptions } from 'pino';
import { describe, expect, it } from 'vitest';
import { isoTime, plainLines, quoted } from './log-lines.js';

describe('quoted', () => {
  it('writes every text as JSON.stringify does', () => {
    const words = fc.string({ unit: fc.constantFrom('a', '/', '"', '\\', '\n', '\u2028', 'é', '-', ' ') });
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.webPath(), words), (text) => {
        expect(quoted(text)).toBe(JSON.stringify(text));
      }),
    );
  });
});

const facts = fc.record({
  path: fc.string({ unit: 'binary' }),
  status: fc.integer({ min: 100, max: 599 }),
  ms: fc.double({ noNaN: true, noDefaultInfinity: true }),
  model: fc.option(fc.string(), { nil: undefined }),
});

function written(options: LoggerOptions): { lines: string[]; logger: pino.Logger } {
  const lines: string[] = [];
  return { lines, logger: pino(options, { write: (line) => lines.push(line) }) };
}

describe.each<[string, LoggerOptions]>([
  ['pino as it comes', { timestamp: () => ',"time":1' }],
  [
    'the service’s own',
    { base: null, formatters: { level: (level) => ({ level }) }, timestamp: () => isoTime(1) },
  ],
])('a plain line of %s', (_name, options) => {
  it('equals the line that pino writes', () => {
    fc.assert(
      fc.property(facts, (fields) => {
        const { lines, logger } = written(options);
        logger.info(fields);
        plainLines(logger, 'info')(JSON.stringify(fields).slice(1, -1));
        const [pinos, ours] = lines;
        expect(JSON.parse(ours ?? '')).toEqual(JSON.parse(pinos ?? ''));
        expect(ours?.endsWith('}\n')).toBe(true);
        expect(ours?.indexOf('\n')).toBe((ours?.length ?? 0) - 1);
      }),
    );
  });

  it('is written at its level or above only', () => {
    const { lines, logger } = written({ ...options, level: 'info' });
    plainLines(logger, 'debug')('"path":"/livez"');
    plainLines(logger, 'info')('"path":"/"');
    expect(lines).toHaveLength(1);
  });
});
