import { type Power, usualWakeMsOf } from '../registry/power/power.js';
import { type WakeDemand, worthWaking } from './worth-waking.js';

/** A worker of a model, as far as waking is concerned. */
export interface Wakeable {
  readonly id: string;
  readonly priority: number;
  /** `null`: it never sleeps. */
  readonly power: Pick<Power, 'state' | 'failures' | 'nextWakeAtMs' | 'usualWakeMs'> | null;
  /** Enabled, callable, and not unhealthy while it is awake. */
  readonly isUsable: boolean;
}

/** What a replica would wake, with what it knew when it decided. */
export interface WakePlan {
  /** Ids of all workers that can sleep. */
  readonly ids: readonly string[];
  /** Of these, the ones that would be woken, the best first. */
  readonly sleepers: readonly string[];
  /** How many of them are awake or being woken. */
  readonly up: number;
}

/** @param slotsOf this replica's slots of a worker @param nowMs since 1970; `null`: none is woken now */
export function planWaking(
  workers: readonly Wakeable[],
  demand: Pick<WakeDemand, 'queued' | 'meanMs'>,
  slotsOf: (workerId: string) => number,
  nowMs: number,
): WakePlan | null {
  const able = workers.filter(canSleep);
  const sleepers = able
    .filter(({ power }) => power.state === 'asleep' && power.nextWakeAtMs <= nowMs)
    .toSorted(bestFirst);
  const [first] = sleepers;
  if (first === undefined) return null;
  const slots = workers.reduce((sum, worker) => sum + (serves(worker) ? slotsOf(worker.id) : 0), 0);
  const usualWakeMs = usualWakeMsOf(first.power);
  if (!worthWaking({ ...demand, slots, usualWakeMs })) return null;
  return {
    ids: able.map(({ id }) => id),
    sleepers: sleepers.map(({ id }) => id),
    up: able.filter(({ power }) => power.state !== 'asleep').length,
  };
}

type CanSleep = Wakeable & { readonly power: NonNullable<Wakeable['power']> };

function canSleep(worker: Wakeable): worker is CanSleep {
  return worker.power !== null && worker.isUsable;
}

/** Awake, or being woken. */
function serves({ power, isUsable }: Wakeable): boolean {
  return isUsable && power?.state !== 'asleep';
}

/** The lowest tier, then the fewest failures, then the quickest. */
function bestFirst(a: CanSleep, b: CanSleep): number {
  return (
    a.priority - b.priority ||
    a.power.failures - b.power.failures ||
    usualWakeMsOf(a.power) - usualWakeMsOf(b.power)
  );
}
