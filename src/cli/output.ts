import { styleText } from 'node:util';
import type { Json } from './api.js';
import { type Column, table } from './table.js';

type Style = Parameters<typeof styleText>[0];

/** Without a terminal, results are JSON. */
export function isTerminal(): boolean {
  return process.stdout.isTTY;
}

/** https://no-color.org */
function coloured(style: Style, text: string): string {
  const { NO_COLOR } = process.env;
  return isTerminal() && (NO_COLOR === undefined || NO_COLOR === '') ? styleText(style, text) : text;
}

const STATE_STYLES: Readonly<Record<string, Style>> = {
  healthy: 'green',
  suspect: 'yellow',
  warming: 'magenta',
  ejected: 'yellow',
  draining: 'yellow',
  unhealthy: 'red',
  disabled: 'gray',
  offline: 'gray',
  unknown: 'gray',
};

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** A list: a table on a terminal, an array of JSON elsewhere. */
export function printRows(rows: readonly Json[], columns: readonly Column<Json>[], asJson: boolean): void {
  if (asJson || !isTerminal()) return print(JSON.stringify(rows, null, 2));
  print(rows.length === 0 ? '(none)' : tableOf(rows, columns));
}

export function tableOf(rows: readonly Json[], columns: readonly Column<Json>[]): string {
  return table(rows, columns, process.stdout.columns || 120, (text, row, title) => {
    if (row === null) return coloured('bold', text);
    const style = title === 'STATE' ? STATE_STYLES[text.trim()] : undefined;
    return style === undefined ? text : coloured(style, text);
  });
}

/** One thing: a sentence on a terminal, JSON elsewhere. */
export function printOne(value: Json, sentence: string, asJson: boolean): void {
  print(asJson || !isTerminal() ? JSON.stringify(value, null, 2) : sentence);
}
