/** Output of the demo: headings, aligned columns, colour on a terminal. */
const WIDTH = 100;
const COLOURED = process.stdout.isTTY && process.env.NO_COLOR === undefined;

const style = (/** @type {number} */ code) => (/** @type {string} */ text) =>
  COLOURED ? `\u001B[${code}m${text}\u001B[0m` : text;
const bold = style(1);
const dim = style(2);
const green = style(32);
const red = style(31);

/** @param {string} text */
export function heading(text) {
  console.log(`\n${bold(text)}`);
}

/**
 * @param {string} label
 * @param {string} text
 */
export function line(label, text) {
  console.log(`  ${dim(label.padEnd(9))} ${text}`);
}

/**
 * Wraps a long text below its first line.
 * @param {string} label
 * @param {string} text
 */
export function quote(label, text) {
  const rows = [''];
  for (const word of text.split(' ')) {
    const row = rows[rows.length - 1] ?? '';
    if (row.length + word.length < WIDTH - 14) rows[rows.length - 1] = row === '' ? word : `${row} ${word}`;
    else rows.push(word);
  }
  for (const [i, row] of rows.entries()) line(i === 0 ? label : '', row);
}

/**
 * @param {string} title
 * @param {readonly Readonly<Record<string, string | number | boolean | null | undefined>>[]} rows with the same columns
 */
export function table(title, rows) {
  console.log(`  ${dim(title)}`);
  const columns = Object.keys(rows[0] ?? {});
  const widths = columns.map((column) =>
    Math.max(column.length, ...rows.map((row) => cell(row[column]).length)),
  );
  const show = (/** @type {readonly string[]} */ cells) =>
    `    ${cells.map((text, i) => text.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd();
  console.log(dim(show(columns)));
  for (const row of rows) console.log(coloured(show(columns.map((column) => cell(row[column])))));
}

/** @param {string} row */
function coloured(row) {
  return row.replace(/\bunhealthy\b/, red).replace(/\bhealthy\b/, green);
}

/** @param {string | number | boolean | null | undefined} value */
function cell(value) {
  return String(value ?? '');
}
