import { mkdirSync, writeFileSync } from 'node:fs';
import { SERVICE } from './measurements.js';
import { plot, type PlotOptions } from './plot.js';
import { type System, runOnce } from './run-once.js';
import { SCENARIOS } from './scenarios.js';

const FOLDER = 'docs/balancing';
const RIVAL: System = { kind: 'rival', strategy: 'least_request' };

const PLOTS: readonly (Omit<PlotOptions, 'workers'> & { readonly letter: string })[] = [
  { letter: 'B', title: 'B, one is 4× slower', untilMs: 300_000, binMs: 10_000, trouble: [[0, 300_000]] },
  { letter: 'D', title: 'D, one fails at once', untilMs: 300_000, binMs: 5000, trouble: [[60_000, 300_000]] },
  {
    letter: 'F',
    title: 'F, one flaps, 10 s up, 10 s down',
    untilMs: 120_000,
    binMs: 2000,
    trouble: Array.from(
      { length: 6 },
      (_, turn) => [turn * 20_000 + 10_000, turn * 20_000 + 20_000] as const,
    ),
  },
  {
    letter: 'H',
    title: 'H, one turns 10× slow, later recovers',
    untilMs: 420_000,
    binMs: 10_000,
    trouble: [[120_000, 240_000]],
  },
];

/** Draws what the service does beside what plain least-request does. */
export function drawPlots(seed: number): void {
  mkdirSync(FOLDER, { recursive: true });
  for (const { letter, ...options } of PLOTS) {
    const scenario = SCENARIOS.find((its) => its.letter === letter);
    if (scenario === undefined) throw new RangeError(`no scenario ${letter}`);
    const { setup: play } = scenario;
    const panels = [
      { title: 'least_load in the service', record: runOnce(play, SERVICE, seed) },
      { title: 'least-request in a plain router', record: runOnce(play, RIVAL, seed) },
    ];
    writeFileSync(`${FOLDER}/${letter}.svg`, plot(panels, { ...options, workers: play.workers.length }));
  }
}
