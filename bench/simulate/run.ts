import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { STRATEGIES, type Strategy } from '../../src/config/balancing-settings.js';
import { isMet } from './bars.js';
import { measureClasses } from './class-scenes.js';
import { mean, measure, type Measurement, SERVICE } from './measurements.js';
import type { System } from './run-once.js';
import { SCENARIOS } from './scenarios.js';
import { boundsTable, conversationsTable, measureConversations } from './engines/scenes.js';
import { measureSleepers } from './sleeper-scenes.js';
import { mergedTable, tableOf } from './table.js';
import { measureTenants } from './tenant-scenes.js';

const SEEDS = [1, 2, 3];
const PAGE = 'docs/balancing.md';

const { values: options } = parseArgs({
  options: {
    /** Whether to leave out the plain routers, for CI. */
    quick: { type: 'boolean', default: false },
    /** Whether to write tables and plots into the page; with --only the rows of those scenarios. */
    write: { type: 'boolean', default: false },
    /** Letters of the scenarios to run, such as `B,C,AA`. */
    only: { type: 'string', default: '' },
  },
});

if (options.write && options.quick)
  throw new Error('--write needs the plain routers, which --quick leaves out');

const others = STRATEGIES.filter((strategy) => strategy !== 'least_load');
const letters = options.only.split(',');
const scenarios = SCENARIOS.filter(({ letter }) => options.only === '' || letters.includes(letter));
const startedMs = performance.now();

const routers = options.quick ? [] : others;
const measured = [
  ...measureAll(SERVICE, routers),
  ...measureClasses(options.only === '' ? [] : letters, SEEDS),
  ...measureSleepers(options.only === '' ? [] : letters, SEEDS),
  ...measureTenants(options.only === '' ? [] : letters, SEEDS),
  ...measureConversations(options.only === '' ? [] : letters, SEEDS),
];
const table = tableOf(measured, SEEDS, routers);
console.log(`\n${table}\n`);
console.log(`seeds ${SEEDS.join(', ')}; ${((performance.now() - startedMs) / 1000).toFixed(0)} s`);

if (options.write) {
  const inService = routers.map((strategy) => {
    const all = measureAll({ kind: 'service', strategy }, []);
    return [strategy, new Map(all.map(({ bar, service }) => [bar, mean(service)]))] as const;
  });
  const compared = measured.map((measurement) => ({
    ...measurement,
    routers: new Map(inService.map(([strategy, its]) => [strategy, its.get(measurement.bar) ?? Number.NaN])),
  }));
  const isAll = options.only === '';
  const fill = isAll ? fillIn : mergeInto;
  fill('figures', table);
  fill('strategies', tableOf(compared, SEEDS, routers));
  if (isAll || letters.includes('V')) {
    fillIn('conversations', conversationsTable(SEEDS));
    fillIn('bounds', boundsTable(SEEDS));
  }
  if (isAll) {
    const { drawPlots } = await import('./plot.js');
    drawPlots(SEEDS[0] ?? 1);
  }
}

const missed = measured.filter(({ bar, service }) => !service.every((value) => isMet(bar, value)));
for (const { scenario, bar } of missed)
  console.error(`missed: ${scenario.letter}, ${scenario.title}: ${bar.name}`);
process.exitCode = missed.length > 0 ? 1 : 0;

function measureAll(system: System, beside: readonly Strategy[]): readonly Measurement[] {
  return scenarios.flatMap((scenario) => {
    process.stderr.write(`${scenario.letter} ${scenario.title}\n`);
    return measure(scenario, system, beside, SEEDS);
  });
}

/** Replaces the text between the page's marks of that name. @throws Error if it has none */
function fillIn(name: string, text: string): void {
  change(name, () => text);
}

/** Replaces the rows of the table's scenarios there. */
function mergeInto(name: string, rows: string): void {
  change(name, (before) => mergedTable(before, rows));
}

function change(name: string, to: (before: string) => string): void {
  const page = readFileSync(PAGE, 'utf8');
  const marks = new RegExp(`(<!-- ${name} -->)([^]*)(<!-- /${name} -->)`);
  if (!marks.test(page)) throw new Error(`${PAGE} has no place for ${name}`);
  writeFileSync(
    PAGE,
    page.replace(marks, (_, begin: string, text: string, end: string) => `${begin}\n\n${to(text)}\n\n${end}`),
  );
}
