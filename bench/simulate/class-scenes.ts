import type { Bar } from './bars.js';
import { type ClassRecord, type ClassScene, p99, runClasses } from './classes.js';
import type { Measurement } from './measurements.js';
import { some } from './bars.js';

const END_MS = 1_500_000;

interface ClassBar extends Omit<Bar, 'read'> {
  readonly value: (record: ClassRecord, empty: ClassRecord) => number;
}

interface Titled extends ClassScene {
  readonly letter: string;
  readonly title: string;
  readonly bars: readonly ClassBar[];
}

const SCENES: readonly Titled[] = [
  {
    letter: 'Q',
    title: 'chats at 30 % beside bulk without end, 64 slots',
    load: 0.3,
    bulkClients: 100,
    untilMs: END_MS,
    bars: [
      {
        name: 'p99 of chats ÷ empty room',
        unit: '×',
        atMost: 1.2,
        value: ({ chats }, empty) => p99(took(chats)) / p99(took(empty.chats)),
      },
      {
        name: 'p99 of their wait, ms',
        unit: '',
        atMost: 200,
        value: ({ chats }) => p99(chats.map(({ waitedMs }) => waitedMs)),
      },
      { name: 'room in use', unit: '%', atLeast: 95, value: ({ inUse }) => 100 * inUse },
    ],
  },
  {
    letter: 'R',
    title: 'bulk under chats at 120 %',
    load: 1.2,
    bulkClients: 20,
    untilMs: END_MS,
    bars: [
      // Less one request of 64 slots in 24 minutes.
      { name: "bulk's share", unit: '%', atLeast: 4.9, value: ({ ofBulk }) => 100 * ofBulk },
      {
        name: 'longest gap, s',
        unit: '',
        atMost: 90,
        value: ({ longestGapMs }) => longestGapMs / 1000,
      },
    ],
  },
];

function took(chats: ClassRecord['chats']): readonly number[] {
  return chats.map(({ tookMs }) => tookMs);
}

/** The scenes of classes, by their letters; all of them where there are none. */
export function measureClasses(letters: readonly string[], seeds: readonly number[]): readonly Measurement[] {
  return SCENES.filter(({ letter }) => letters.length === 0 || letters.includes(letter)).flatMap((scene) => {
    process.stderr.write(`${scene.letter} ${scene.title}\n`);
    const records = seeds.map((seed) => runClasses(scene, seed));
    const empty = seeds.map((seed) => runClasses({ ...scene, bulkClients: 0 }, seed));
    const { letter, title } = scene;
    // The table reads letter and title only.
    const setup = { workers: some(0), perSecond: 0, untilMs: scene.untilMs };
    const scenario = { letter, title, setup, needsOracle: false, bars: [] };
    return scene.bars.map(({ value, ...bar }) => ({
      scenario,
      bar: { ...bar, read: () => Number.NaN },
      service: records.map((record, at) => value(record, empty[at] ?? record)),
      routers: new Map(),
    }));
  });
}
