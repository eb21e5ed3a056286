import { unusableReason } from '../../registry/unusable-worker.js';
import type { Worker } from '../../registry/worker.js';
import { CAUSES, dateOf } from '../pool-activity.js';
import type { PooledWorker } from '../pool/pooled-worker.js';

/** What decides whether a worker is one of those that a request can be sent to. */
export interface Surroundings {
  /** The ids of those that the strategy picks from. */
  readonly compared: ReadonlySet<string>;
  /** Their `priority` number; `null`: there are none. */
  readonly tier: number | null;
  /** A worker that has a trial goes before all others. */
  readonly isTrial: boolean;
  /** By the clock of `performance.now()`. */
  readonly nowMs: number;
}

/**
 * What keeps a worker from being picked, for operators: it may hold addresses, as `health_reason` does. `null`: nothing.
 * @param healthSince of its row
 */
export function whyNot(
  pooled: PooledWorker,
  worker: Worker | undefined,
  healthSince: Date | null,
  around: Surroundings,
): string | null {
  if (worker === undefined) return 'it was deleted';
  return byRegistry(pooled, worker, healthSince) ?? byOwnRequests(pooled, around);
}

function byRegistry({ member }: PooledWorker, worker: Worker, healthSince: Date | null): string | null {
  if (worker.adminState !== 'enabled')
    return `${worker.adminState} since ${shown(new Date(worker.adminStateSinceMs))}`;
  if ('fault' in worker.call) {
    return worker.call.setting === null
      ? 'its definition or its credentials cannot be used'
      : 'this replica cannot call it, as its log says';
  }
  if (member.isAsleep === true) return unusableReason(worker) ?? 'asleep';
  if (member.health !== 'unhealthy') return null;
  const since = healthSince === null ? '' : ` since ${shown(healthSince)}`;
  return `unhealthy${since}: ${worker.healthReason}`;
}

function byOwnRequests(pooled: PooledWorker, around: Surroundings): string | null {
  const { member, inFlight, stats, isWarming } = pooled;
  const { nowMs, tier } = around;
  if (around.compared.has(pooled.id)) return null;
  const { ejectedFor, untilMs, trialRunning } = stats.circuit;
  if (ejectedFor !== null && untilMs > nowMs)
    return `ejected by this replica until ${shown(dateOf(untilMs))}: ${CAUSES[ejectedFor]}`;
  if (ejectedFor !== null && trialRunning)
    return `ejected by this replica, and a request tries it out: ${CAUSES[ejectedFor]}`;
  if (pooled.isThrottled(nowMs)) return `throttled until ${shown(dateOf(stats.throttledUntilMs))}`;
  if (member.concurrencyLimit === 0)
    return 'this replica has no slot of it now; a request that waits gets one from another replica';
  if (inFlight >= member.concurrencyLimit)
    return `no free slot on this replica: ${inFlight} of ${member.concurrencyLimit} in use`;
  if (isWarming && !pooled.hasCapacity)
    return `warming up after an outage: ${inFlight} of ${stats.circuit.warmSuccesses + 1} slots in use`;
  if (around.isTrial) return 'the request tries out a worker that was ejected';
  if (tier !== null && member.priority > tier)
    return `priority ${member.priority}: used when no worker of priority ${tier} can take a request`;
  if (ejectedFor !== null) return 'ejected by this replica, and not tried out by a request that failed once';
  return 'suspect: used when no other worker can take a request';
}

function shown(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'ever' : date.toISOString();
}
