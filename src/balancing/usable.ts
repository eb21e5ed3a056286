import type { Activity } from '../registry/worker-activity.js';
import { isCallable, type Worker } from '../registry/worker.js';
import { mayTry } from './ejection.js';
import { textHash } from './policies/hash.js';
import type { Candidate } from './policy.js';

/** A worker and what this replica knows of it. */
export class Standing implements Candidate {
  readonly id: string;
  readonly hash: number;
  readonly weight: number;
  readonly slowness = 1;
  readonly penalty = 0;
  readonly peakLatencyMs = 0;

  constructor(
    readonly worker: Worker,
    readonly activity: Activity,
  ) {
    this.id = worker.id;
    this.hash = textHash(worker.id);
    this.weight = worker.weight;
  }

  get inFlight(): number {
    return this.activity.inFlight;
  }
}

/**
 * Those that may be given a request now: wanted by people, callable, not known to be sick, not put aside, below their
 * cap, not tried yet, and of the lowest priority number there is. Suspects only when there is nobody better.
 */
export function usable(
  all: readonly Standing[],
  tried: ReadonlySet<string>,
  nowMs: number,
): readonly Standing[] {
  const open = all.filter((standing) => mayBeGiven(standing, tried, nowMs));
  const trusted = open.filter(({ worker }) => worker.health !== 'suspect');
  return lowestPriority(trusted.length > 0 ? trusted : open);
}

/** The earliest time at which one that is only put aside or full may be asked again; `null` when time alone won't help. */
export function nextChanceMs(all: readonly Standing[], nowMs: number): number | null {
  const times = all
    .filter(
      ({ worker }) => worker.adminState === 'enabled' && isCallable(worker) && worker.health !== 'unhealthy',
    )
    .map(({ activity }) => Math.max(nowMs, activity.ejectedUntilMs));
  return times.length === 0 ? null : Math.min(...times);
}

function mayBeGiven({ worker, activity }: Standing, tried: ReadonlySet<string>, nowMs: number): boolean {
  return (
    worker.adminState === 'enabled' &&
    worker.health !== 'unhealthy' &&
    activity.inFlight < worker.maxConcurrency &&
    !tried.has(worker.id) &&
    isCallable(worker) &&
    mayTry(activity, nowMs)
  );
}

function lowestPriority(open: readonly Standing[]): readonly Standing[] {
  const first = open[0];
  if (first === undefined) return open;
  let lowest = first.worker.priority;
  let mixed = false;
  for (const { worker } of open) {
    mixed ||= worker.priority !== lowest;
    lowest = Math.min(lowest, worker.priority);
  }
  return mixed ? open.filter(({ worker }) => worker.priority === lowest) : open;
}
