import type { StrategyName } from '../../src/balancing/policies/strategies.js';
import { type System, type RunRecord, runOnce } from './run-once.js';
import type { Bar, Scenario } from './scenarios.js';

/** One bar of one scenario: our figure for each seed, and each rival's mean over them. */
export interface Measurement {
  readonly scenario: Scenario;
  readonly bar: Bar;
  readonly ours: readonly number[];
  readonly rivals: ReadonlyMap<StrategyName, number>;
}

export const SERVICE: System = { kind: 'ours', strategy: 'least_load' };
const ORACLE: System = { kind: 'oracle' };

export function measurementsOf(
  scenario: Scenario,
  contestant: System,
  rivals: readonly System[],
  seeds: readonly number[],
): readonly Measurement[] {
  const ours = scenario.bars.map((): number[] => []);
  const theirs = rivals.map(() => scenario.bars.map((): number[] => []));
  for (const seed of seeds) {
    const record = runOnce(scenario.setup, contestant, seed);
    const oracle = scenario.needsOracle ? runOnce(scenario.setup, ORACLE, seed) : record;
    read(scenario, record, oracle, ours);
    for (const [at, rival] of rivals.entries()) {
      read(scenario, runOnce(scenario.setup, rival, seed), oracle, theirs[at] ?? []);
    }
  }
  return scenario.bars.map((bar, at) => ({
    scenario,
    bar,
    ours: ours[at] ?? [],
    rivals: new Map(
      rivals.flatMap((rival, its) =>
        rival.kind === 'oracle' ? [] : [[rival.strategy, mean(theirs[its]?.[at] ?? [])] as const],
      ),
    ),
  }));
}

export function isMet({ atMost, atLeast, above }: Bar, value: number): boolean {
  if (atMost !== undefined) return value <= atMost;
  if (atLeast !== undefined) return value >= atLeast;
  return value > (above ?? 0);
}

function read({ bars }: Scenario, record: RunRecord, oracle: RunRecord, into: readonly number[][]): void {
  for (const [at, bar] of bars.entries()) into[at]?.push(bar.read(record, oracle));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
