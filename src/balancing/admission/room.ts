import type { AdmissionLimits } from '../../config/balancing-settings.js';
import type { PooledWorker, PoolMember } from '../pool/pooled-worker.js';

/** The slots of a model's workers on this replica. */
export interface Room {
  /** Of workers that operators and probes let be used. */
  readonly slots: number;
  /** Of these, those that a request could take now. */
  readonly free: number;
  /** The slots, those of workers that are asleep included, where a worker counts as one at least: other replicas may hold its slots now, and its turn will come. */
  readonly places: number;
}

type Slots = Pick<PooledWorker, 'isEligible' | 'isComing' | 'isInRotation' | 'hasCapacity' | 'inFlight'> & {
  readonly member: Pick<PoolMember, 'concurrencyLimit' | 'evenShare'>;
};

export function roomOf(workers: readonly Slots[]): Room {
  let slots = 0;
  let free = 0;
  let places = 0;
  for (const worker of workers) {
    const limit = worker.member.concurrencyLimit;
    if (worker.isEligible || worker.isComing) places += Math.max(1, limit, worker.member.evenShare ?? 0);
    if (!worker.isEligible) continue;
    slots += limit;
    if (worker.isInRotation && worker.hasCapacity) free += limit - worker.inFlight;
  }
  return { slots, free, places };
}

/**
 * How many requests may wait. Those that may wait longer than usual, while a worker is asleep and until what piled up is worked off, have as
 * many more places: with the usual number, one in ten found none while the only worker woke [bench/simulate, bar U].
 */
export function capacityOf(
  workers: readonly Slots[],
  { mostWaiting, perSlot, maxWaitMs }: Pick<AdmissionLimits, 'mostWaiting' | 'perSlot' | 'maxWaitMs'>,
  patienceMs: number,
): number {
  const longer = Math.max(1, patienceMs / Math.max(1, maxWaitMs));
  return Math.min(mostWaiting, longer * perSlot * roomOf(workers).places);
}

/** No worker is in use, and some can be woken: requests wait for them. */
export function isAsleep(workers: readonly Pick<PooledWorker, 'isEligible' | 'isComing'>[]): boolean {
  return workers.some(({ isComing }) => isComing) && !workers.some(({ isEligible }) => isEligible);
}
