import type { Strategy } from '../../src/config/balancing-settings.js';
import { type Bar, isMet } from './bars.js';
import type { Measurement } from './measurements.js';

/** A ratio to the oracle above this grows with the length of the run. */
const DIVERGES = 20;

/** Markdown that is also readable in a terminal. */
export function tableOf(
  measurements: readonly Measurement[],
  seeds: readonly number[],
  routers: readonly Strategy[],
): string {
  const head = ['', 'scenario', 'metric', 'bar', ...seeds.map((seed) => `seed ${seed}`), 'met', ...routers];
  const rows = measurements.map(({ scenario, bar, service, routers: others }, at) => [
    measurements[at - 1]?.scenario.letter === scenario.letter ? '' : scenario.letter,
    measurements[at - 1]?.scenario === scenario ? '' : scenario.title,
    bar.name,
    barText(bar),
    ...service.map((value) => valueText(bar, value)),
    service.every((value) => isMet(bar, value)) ? 'yes' : '**no**',
    ...routers.map((router) => valueText(bar, others.get(router) ?? Number.NaN)),
  ]);
  return aligned([head, ...rows]);
}

/** A table in which the rows of the scenarios that the other one has are replaced by its rows; both by `tableOf` with the same routers. */
export function mergedTable(table: string, fresh: string): string {
  const merged = [...scenariosOf(table)];
  let at = merged.length - 1;
  for (const scenario of scenariosOf(fresh)) {
    const known = merged.findIndex(
      ({ letter, title }) => letter === scenario.letter && title === scenario.title,
    );
    at = known === -1 ? at + 1 : known;
    merged.splice(at, known === -1 ? 0 : 1, scenario);
  }
  const rows = merged.flatMap(({ letter, rows: [first = [], ...others] }, nth) => [
    [merged[nth - 1]?.letter === letter ? '' : letter, ...first.slice(1)],
    ...others,
  ]);
  return aligned([cellsOf(table)[0] ?? [], ...rows]);
}

function cellsOf(table: string): readonly (readonly string[])[] {
  const lines = table.split('\n').filter((line) => line.startsWith('|') && !line.startsWith('| --'));
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

interface Rows {
  readonly letter: string;
  readonly title: string;
  readonly rows: (readonly string[])[];
}

function scenariosOf(table: string): readonly Rows[] {
  const scenarios: Rows[] = [];
  for (const row of cellsOf(table).slice(1)) {
    const [letter = '', title = ''] = row;
    const last = scenarios.at(-1);
    if (title === '') last?.rows.push(row);
    else scenarios.push({ letter: letter === '' ? (last?.letter ?? '') : letter, title, rows: [row] });
  }
  return scenarios;
}

export function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(3, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const lines = rows.map((row) => `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`);
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [lines[0], rule, ...lines.slice(1)].join('\n');
}

export function barText({ atMost, atLeast, above, unit }: Bar): string {
  const suffix = unit === '%' ? ' %' : '';
  if (atMost !== undefined) return `≤ ${atMost}${suffix}`;
  if (atLeast !== undefined) return `≥ ${atLeast}${suffix}`;
  return `> ${above ?? 0}${suffix}`;
}

/** @param value `NaN`: it was not measured */
export function valueText({ unit, atMost }: Bar, value: number): string {
  if (Number.isNaN(value)) return '–';
  if (unit === '×') return value > DIVERGES ? 'diverges' : value.toFixed(2);
  if (unit === '') return value.toFixed(0);
  const digits = Math.abs(value) >= 10 ? 1 : (atMost ?? 1) < 0.1 ? 3 : 2;
  return `${value.toFixed(digits)} %`;
}
