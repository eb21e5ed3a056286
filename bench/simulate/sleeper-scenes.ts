import { type Bar, some } from './bars.js';
import type { Measurement } from './measurements.js';
import { runSleepers, type SleeperRecord, type SleeperScene } from './sleepers.js';

const END_MS = 600_000;

interface SleeperBar extends Omit<Bar, 'read'> {
  readonly value: (record: SleeperRecord) => number;
}

interface Titled extends SleeperScene {
  readonly title: string;
  readonly bars: readonly SleeperBar[];
}

const LETTER = 'U';

const refused = (atMost: number): SleeperBar => ({
  name: 'refused',
  unit: '%',
  atMost,
  value: (record) => (100 * record.refused) / record.requests,
});
const wakeCalls = (atMost: number): SleeperBar => ({
  name: 'wake requests',
  unit: '',
  atMost,
  value: (record) => record.wakeCalls,
});

const SCENES: readonly Titled[] = [
  {
    title: 'a worker that wakes in 60 s, a request each 2 s at three replicas',
    sleepers: 1,
    perSecond: 0.5,
    untilMs: END_MS,
    bars: [refused(0), wakeCalls(1)],
  },
  {
    title: 'the same, its waker is killed after 20 s',
    sleepers: 1,
    perSecond: 0.5,
    untilMs: END_MS,
    wakerKilledMs: 20_000,
    bars: [refused(1), wakeCalls(2)],
  },
  {
    title: 'eight such workers, three requests a second',
    sleepers: 8,
    perSecond: 3,
    untilMs: END_MS,
    bars: [refused(0), wakeCalls(8)],
  },
];

/** The scenes of workers that sleep, by their letter; all of them where there are none. */
export function measureSleepers(
  letters: readonly string[],
  seeds: readonly number[],
): readonly Measurement[] {
  if (letters.length > 0 && !letters.includes(LETTER)) return [];
  return SCENES.flatMap((scene) => {
    const { title, untilMs } = scene;
    process.stderr.write(`${LETTER} ${title}\n`);
    const records = seeds.map((seed) => runSleepers(scene, seed));
    // The table reads letter and title only.
    const scenario = {
      letter: LETTER,
      title,
      setup: { workers: some(0), perSecond: 0, untilMs },
      needsOracle: false,
      bars: [],
    };
    return scene.bars.map(({ value, ...bar }) => ({
      scenario,
      bar: { ...bar, read: () => Number.NaN },
      service: records.map(value),
      routers: new Map(),
    }));
  });
}
