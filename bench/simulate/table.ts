import type { StrategyName } from '../../src/balancing/policies/strategies.js';
import { type Measurement, isMet } from './measurements.js';
import type { Bar } from './scenarios.js';

/** More times as slow as the oracle than this, and growing with the time one looks. */
const DIVERGES = 20;

/** Markdown that reads well in a terminal, too. */
export function tableOf(
  figures: readonly Measurement[],
  seeds: readonly number[],
  rivals: readonly StrategyName[],
): string {
  const head = ['', 'scenario', 'metric', 'bar', ...seeds.map((seed) => `seed ${seed}`), 'met', ...rivals];
  const rows = figures.map(({ scenario, bar, ours, rivals: theirs }, at) => [
    figures[at - 1]?.scenario.letter === scenario.letter ? '' : scenario.letter,
    figures[at - 1]?.scenario === scenario ? '' : scenario.title,
    bar.name,
    barText(bar),
    ...ours.map((value) => valueText(bar, value)),
    ours.every((value) => isMet(bar, value)) ? 'yes' : '**no**',
    ...rivals.map((rival) => valueText(bar, theirs.get(rival) ?? Number.NaN)),
  ]);
  return aligned([head, ...rows]);
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
  const percent = unit === '%' ? ' %' : '';
  if (atMost !== undefined) return `≤ ${atMost}${percent}`;
  if (atLeast !== undefined) return `≥ ${atLeast}${percent}`;
  return `> ${above ?? 0}${percent}`;
}

export function valueText({ unit, atMost }: Bar, value: number): string {
  if (unit === '×') return value > DIVERGES ? 'diverges' : value.toFixed(2);
  const digits = Math.abs(value) >= 10 ? 1 : (atMost ?? 1) < 0.1 ? 3 : 2;
  return `${value.toFixed(digits)} %`;
}
