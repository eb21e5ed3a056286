import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { POLICIES, type StrategyName } from '../../src/balancing/policies/strategies.js';
import { type Measurement, measurementsOf, isMet, SERVICE } from './measurements.js';
import type { System } from './run-once.js';
import { SCENARIOS } from './scenarios.js';
import { tableOf } from './table.js';

const SEEDS = [1, 2, 3];
const PAGE = 'docs/balancing.md';

const { values: options } = parseArgs({
  options: {
    /** Without the rivals, for CI. */
    quick: { type: 'boolean', default: false },
    /** Tables and plots into the page. */
    write: { type: 'boolean', default: false },
    /** Letters of the scenarios to play, such as `BCH`. */
    only: { type: 'string', default: '' },
  },
});

const strategies = Object.keys(POLICIES) as StrategyName[];
const others = strategies.filter((strategy) => strategy !== 'least_load');
const scenarios = SCENARIOS.filter(({ letter }) => options.only === '' || options.only.includes(letter));
const startedMs = performance.now();

const rivals = options.quick ? [] : others;
const plain: readonly System[] = rivals.map((strategy) => ({ kind: 'rival', strategy }));
const figures = play(SERVICE, plain);
const table = tableOf(figures, SEEDS, rivals);
console.log(`\n${table}\n`);
console.log(`seeds ${SEEDS.join(', ')}; ${((performance.now() - startedMs) / 1000).toFixed(0)} s`);

if (options.write) {
  const within = rivals.map(
    (strategy) => [strategy, new Map(play({ kind: 'ours', strategy }, []).map(keyed))] as const,
  );
  const compared = figures.map((figure) => ({
    ...figure,
    rivals: new Map(within.map(([strategy, its]) => [strategy, its.get(figure.bar) ?? Number.NaN])),
  }));
  fillIn('figures', table);
  fillIn('strategies', tableOf(compared, SEEDS, rivals));
  const { drawPlots } = await import('./plots.js');
  drawPlots(SEEDS[0] ?? 1);
}

const missed = figures.filter(({ bar, ours }) => !ours.every((value) => isMet(bar, value)));
for (const { scenario, bar } of missed)
  console.error(`missed: ${scenario.letter}, ${scenario.title}: ${bar.name}`);
process.exitCode = missed.length > 0 ? 1 : 0;

function play(contestant: System, beside: readonly System[]): readonly Measurement[] {
  return scenarios.flatMap((scenario) => {
    process.stderr.write(`${scenario.letter} ${scenario.title}\n`);
    return measurementsOf(scenario, contestant, beside, SEEDS);
  });
}

function keyed({ bar, ours }: Measurement) {
  return [bar, ours.reduce((sum, value) => sum + value, 0) / ours.length] as const;
}

/** Between the page's marks of that name. @throws Error if it has none */
function fillIn(name: string, text: string): void {
  const page = readFileSync(PAGE, 'utf8');
  const marks = new RegExp(`(<!-- ${name} -->)[^]*(<!-- /${name} -->)`);
  if (!marks.test(page)) throw new Error(`${PAGE} has no place for ${name}`);
  writeFileSync(
    PAGE,
    page.replace(marks, (_, from, to) => `${from}\n\n${text}\n\n${to}`),
  );
}
