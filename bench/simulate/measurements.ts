import type { Strategy } from '../../src/config/balancing-settings.js';
import type { Bar, Scenario } from './bars.js';
import { type RunRecord, runOnce, type System } from './run-once.js';

/** One bar of one scenario: the service's figure for each seed, and each plain router's mean over them. */
export interface Measurement {
  readonly scenario: Scenario;
  readonly bar: Bar;
  readonly service: readonly number[];
  readonly routers: ReadonlyMap<Strategy, number>;
}

export const SERVICE: System = { kind: 'service', strategy: 'least_load' };
const ORACLE: System = { kind: 'oracle' };

export function measure(
  scenario: Scenario,
  system: System,
  routers: readonly Strategy[],
  seeds: readonly number[],
): readonly Measurement[] {
  const { bars, setup, needsOracle } = scenario;
  const own = bars.map((): number[] => []);
  const others = new Map(routers.map((strategy) => [strategy, bars.map((): number[] => [])] as const));
  for (const seed of seeds) {
    const record = runOnce(setup, system, seed);
    const oracle = needsOracle ? runOnce(setup, ORACLE, seed) : record;
    read(bars, record, oracle, own);
    for (const [strategy, figures] of others)
      read(bars, runOnce(setup, { kind: 'router', strategy }, seed), oracle, figures);
  }
  return bars.map((bar, at) => ({
    scenario,
    bar,
    service: own[at] ?? [],
    routers: new Map(Array.from(others, ([strategy, figures]) => [strategy, mean(figures[at] ?? [])])),
  }));
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function read(bars: readonly Bar[], record: RunRecord, oracle: RunRecord, into: readonly number[][]): void {
  for (const [at, bar] of bars.entries()) into[at]?.push(bar.read(record, oracle));
}
