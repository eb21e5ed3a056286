/** One column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  readonly align?: 'right';
  /** Given up first where the terminal is narrow; the highest first. */
  readonly optional?: number;
  /** Cut where the terminal is narrow, to no less than this. */
  readonly least?: number;
}

const GAP = '  ';
const CUT = '…';
const WIDE =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u{ff01}-\u{ff60}\p{Emoji_Presentation}]/gu;

/**
 * Rows as lines that fit the width. Optional columns are left out, then the widest of those that may be cut is cut.
 * @param paint colours a cell; its width is not changed by that
 */
export function table<Row>(
  rows: readonly Row[],
  all: readonly Column<Row>[],
  width: number,
  paint: (text: string, row: Row | null, title: string) => string = (text) => text,
): string {
  const cells = new Map(all.map((column) => [column, rows.map((row) => plain(column.value(row)))]));
  const natural = (column: Column<Row>): number =>
    Math.max(widthOf(column.title), ...(cells.get(column) ?? []).map(widthOf));
  const smallest = (column: Column<Row>): number => Math.min(column.least ?? Infinity, natural(column));
  let columns = [...all];
  while (sum(columns, smallest) > width) {
    const optional = columns.filter((column) => column.optional !== undefined);
    if (optional.length === 0) break;
    const [first] = optional.toSorted((a, b) => (b.optional ?? 0) - (a.optional ?? 0));
    columns = columns.filter((column) => column !== first);
  }
  const widths = new Map(columns.map((column) => [column, natural(column)]));
  for (let over = sum(columns, (column) => widths.get(column) ?? 0) - width; over > 0;) {
    const room = (column: Column<Row>): number => (widths.get(column) ?? 0) - smallest(column);
    const [widest] = columns.toSorted((a, b) => room(b) - room(a));
    if (widest === undefined || room(widest) === 0) break;
    const less = Math.min(over, room(widest));
    widths.set(widest, (widths.get(widest) ?? 0) - less);
    over -= less;
  }
  const line = (row: Row | null, index: number): string =>
    columns
      .map((column) => {
        const text = row === null ? column.title : (cells.get(column)?.[index] ?? '');
        const cell = fitted(text, widths.get(column) ?? 0);
        const isTail = column === columns.at(-1) && column.align !== 'right';
        const cellWidth = isTail ? 0 : (widths.get(column) ?? 0);
        return paint(padded(cell, cellWidth, column.align), row, column.title);
      })
      .join(GAP);
  return [line(null, 0), ...rows.map(line)].join('\n');
}

function sum<Row>(columns: readonly Column<Row>[], widthOfColumn: (column: Column<Row>) => number): number {
  return columns.reduce((all, column) => all + widthOfColumn(column) + GAP.length, -GAP.length);
}

function padded(text: string, width: number, align: 'right' | undefined): string {
  const space = ' '.repeat(Math.max(0, width - widthOf(text)));
  return align === 'right' ? space + text : text + space;
}

function fitted(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let cut = '';
  for (const letter of text) {
    if (widthOf(cut) + widthOf(letter) > width - 1) break;
    cut += letter;
  }
  return cut + CUT;
}

/** Columns of a terminal that a text takes. */
export function widthOf(text: string): number {
  return Array.from(text).length + (text.match(WIDE)?.length ?? 0);
}

/** On one line, and without what a terminal would obey. */
export function plain(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}

/** The time since `at`, in its largest unit: `45 s`, `12 min`, `3 h`, `6 d`. */
export function since(at: unknown, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(String(at))) / 1000));
  if (Number.isNaN(seconds)) return '';
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}
