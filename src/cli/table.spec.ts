import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Column, plain, since, table, widthOf } from './table.js';

type Row = Readonly<Record<string, string>>;
const column = (title: string, more: Partial<Column<Row>> = {}): Column<Row> => ({
  title,
  value: (row) => row[title] ?? '',
  ...more,
});

describe('a table on a terminal', () => {
  it('aligns its columns, numbers to the right', () => {
    const rows = [
      { NAME: 'a', COUNT: '7' },
      { NAME: 'longer', COUNT: '123' },
    ];
    expect(table(rows, [column('NAME'), column('COUNT', { align: 'right' })], 80)).toBe(
      ['NAME    COUNT', 'a           7', 'longer    123'].join('\n'),
    );
  });

  it('leaves out optional columns where it is narrow, then cuts the widest cell', () => {
    const rows = [{ NAME: 'gpu-1', WHY: 'connection refused by 10.4.1.13:8000', ID: '0123456789' }];
    const columns = [column('NAME'), column('WHY', { least: 10 }), column('ID', { optional: 1 })];
    expect(table(rows, columns, 30)).toBe(
      ['NAME   WHY          ID', 'gpu-1  connection…  0123456789'].join('\n'),
    );
    expect(table(rows, columns, 20)).toBe(['NAME   WHY', 'gpu-1  connection r…'].join('\n'));
  });

  it('counts letters of East Asia as two columns', () => {
    expect(widthOf('模型a')).toBe(5);
  });

  it('never is wider than the terminal, and keeps every row on a line, whatever cells hold', () => {
    const cell = fc.string({ unit: 'grapheme', maxLength: 40 });
    fc.assert(
      fc.property(
        fc.array(fc.record({ A: cell, B: cell, C: cell })),
        fc.integer({ min: 24, max: 90 }),
        (rows, width) => {
          const columns = [
            column('A', { least: 4 }),
            column('B', { least: 4 }),
            column('C', { least: 4, optional: 1 }),
          ];
          const lines = table(rows, columns, width).split('\n');
          expect(lines).toHaveLength(rows.length + 1);
          for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
        },
      ),
    );
  });

  it('sends nothing to the terminal that it would obey', () => {
    expect(plain('a\u001b[31mred\r\nb')).toBe('a [31mred b');
  });
});

describe('a time span', () => {
  const now = Date.parse('2026-01-10T00:00:00Z');
  it.each([
    ['2026-01-09T23:59:15Z', '45 s'],
    ['2026-01-09T23:48:00Z', '12 min'],
    ['2026-01-09T21:00:00Z', '3 h'],
    ['2026-01-04T00:00:00Z', '6 d'],
    ['2026-01-10T00:00:09Z', '0 s'],
    ['never', ''],
  ])('since %s is %s', (at, expected) => {
    expect(since(at, now)).toBe(expected);
  });
});
