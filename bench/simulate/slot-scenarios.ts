import { type Bar, errors, perSecond, type Scenario, some, WORKERS } from './bars.js';
import { slotTimeShare } from './measures.js';
import { type Setup, SLOTS } from './run-once.js';
import type { ReplicaFaults } from './simulated-slots.js';

const END_MS = 300_000;
const WARM_MS = 30_000;
const MINUTE_MS = 60_000;
const FAULT_MS = 100_000;
/** But for rounding, no slot is used twice. */
const MOST_SHARE = 1.001;

type Callers = NonNullable<Setup['replicaAt']>;

const atOne: Callers = () => 0;
const nextEachMinute: Callers = (atMs) => Math.floor(atMs / MINUTE_MS) % 3;
const uneven: Callers = (_, chance) => (chance < 0.7 ? 0 : chance < 0.9 ? 1 : 2);
/** Those of the last replica go to the others once it is killed. */
const survivors: Callers = (atMs, chance) => Math.floor(chance * (atMs < FAULT_MS ? 3 : 2));

const load = (share: number, replicaAt: Callers, faults: ReplicaFaults = {}): Setup => ({
  workers: some(0),
  perSecond: perSecond(share, WORKERS),
  untilMs: END_MS,
  replicaAt,
  service: { concurrencyLimit: SLOTS, faults },
});

const refused = (atMost: number, fromMs = 0, untilMs = END_MS): Bar =>
  errors(atMost, 'refused', fromMs, untilMs);
const neverAbove = (limit: number): Bar => ({
  name: `most at one worker, max_concurrency ${limit}`,
  unit: '',
  atMost: limit,
  read: ({ mostOnWorker }) => mostOnWorker ?? Number.NaN,
});
const inUse = (atLeast: number, slots = WORKERS * SLOTS): Bar => ({
  name: 'slots in use',
  unit: '%',
  atLeast,
  read: (record) => {
    const share = slotTimeShare(record, slots, WARM_MS, END_MS);
    // A router alone holds no limit.
    return share > MOST_SHARE ? Number.NaN : 100 * share;
  },
});

const killed = { killed: { replica: 2, atMs: FAULT_MS } };
const away = { databaseAway: { fromMs: FAULT_MS, untilMs: FAULT_MS + MINUTE_MS } };

const scenario = (letter: string, title: string, setup: Setup, ...bars: readonly Bar[]): Scenario => ({
  letter,
  title,
  setup,
  needsOracle: false,
  bars: [...bars, neverAbove(setup.service?.concurrencyLimit ?? Number.NaN)],
});

/** One worker with so few slots that each replica has less than three. */
const fewSlots = (slots: number, callers: string, replicaAt: Callers, atLeast = 95): Scenario =>
  scenario(
    'P',
    `${callers}, ${slots} slots in all, 1.5× overload`,
    {
      workers: [[]],
      perSecond: 1.5 * slots,
      untilMs: END_MS,
      replicaAt,
      service: { concurrencyLimit: slots },
    },
    inUse(atLeast, slots),
  );

/** Three replicas whose callers are uneven, and what happens to their slots. */
export const SLOT_SCENARIOS: readonly Scenario[] = [
  scenario('P', 'all callers at one of three replicas, 80 % busy', load(0.8, atOne), refused(0)),
  scenario('P', 'callers 70:20:10, 80 % busy', load(0.8, uneven), refused(0)),
  scenario(
    'P',
    'all callers at the next replica each minute, 80 % busy',
    load(0.8, nextEachMinute),
    refused(2),
  ),
  scenario('P', 'all callers at one of three replicas, 1.5× overload', load(1.5, atOne), inUse(95)),
  ...[3, 4, 6, 8].map((slots) => fewSlots(slots, 'all callers at one of three replicas', atOne)),
  fewSlots(4, 'callers 70:20:10', uneven, 75),
  scenario(
    'X',
    'one of three replicas is killed, 80 % busy',
    load(0.8, survivors, killed),
    refused(5, FAULT_MS, FAULT_MS + MINUTE_MS),
    refused(0, FAULT_MS + MINUTE_MS),
  ),
  scenario(
    'X',
    'the database is away for 60 s, all callers at one replica, 80 % busy',
    load(0.8, atOne, away),
    refused(0),
  ),
  scenario(
    'X',
    'the same, and meanwhile all callers turn to another',
    load(0.8, (atMs) => (atMs < FAULT_MS + 10_000 ? 0 : 1), away),
    refused(1, FAULT_MS + MINUTE_MS + 15_000),
  ),
];
