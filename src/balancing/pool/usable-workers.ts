import type { StatsLimits } from '../../config/balancing-settings.js';
import { median, msPerToken } from './averages.js';
import { PooledWorker } from './pooled-worker.js';

/** What changes by time alone is looked at this often; less often when there are very many workers. */
const REFRESH_MS = 100;
const REFRESH_MS_PER_WORKER = 1;
/** A speed not seen for this many time constants does not count towards the median. */
const STALE_SPEED_WINDOWS = 4;
const NONE: ReadonlySet<string> = new Set();

/** The workers of a pool that requests may be sent to now, kept for some time: it is not found anew for every pick. */
export class UsableWorkers {
  private usable: readonly PooledWorker[] = [];
  private awaiting: readonly PooledWorker[] = [];
  private refreshedAtMs = -Infinity;
  private isOutdated = true;

  constructor(
    private readonly limits: StatsLimits,
    private workers: readonly PooledWorker[] = [],
  ) {}

  get all(): readonly PooledWorker[] {
    return this.workers;
  }

  replace(workers: readonly PooledWorker[]): void {
    this.workers = workers;
    this.expire();
  }

  /** Everything must be looked at again. */
  expire(): void {
    this.refreshedAtMs = -Infinity;
  }

  /** A worker became usable, or is no longer. */
  outdate(): void {
    this.isOutdated = true;
  }

  /** To be called before `except` and `trials`. */
  ensureFresh(nowMs: number): void {
    const refreshMs = Math.max(REFRESH_MS, REFRESH_MS_PER_WORKER * this.workers.length);
    if (nowMs - this.refreshedAtMs >= refreshMs) this.refresh(nowMs);
    else if (!this.isOutdated) return;
    this.usable = usableWorkers(this.workers, NONE, nowMs);
    this.awaiting = workersAwaitingTrial(this.workers, this.usable, nowMs);
    this.isOutdated = false;
  }

  /** The ejected workers that may have a trial now. */
  get trials(): readonly PooledWorker[] {
    return this.awaiting;
  }

  /** Those that a request may be sent to that was tried at these already. */
  except(tried: ReadonlySet<string>, nowMs: number): readonly PooledWorker[] {
    return tried.size === 0 ? this.usable : usableWorkers(this.workers, tried, nowMs);
  }

  /** The same with copies of the workers: what happens to them changes nothing here. */
  copy(): UsableWorkers {
    const twins = new Map(this.workers.map((worker) => [worker, copyOf(worker)]));
    const twinsOf = (some: readonly PooledWorker[]): readonly PooledWorker[] =>
      some.flatMap((worker) => twins.get(worker) ?? []);
    const copy = new UsableWorkers(this.limits, [...twins.values()]);
    copy.usable = twinsOf(this.usable);
    copy.awaiting = twinsOf(this.awaiting);
    copy.refreshedAtMs = this.refreshedAtMs;
    copy.isOutdated = this.isOutdated;
    return copy;
  }

  private refresh(nowMs: number): void {
    this.refreshedAtMs = nowMs;
    const sinceMs = nowMs - STALE_SPEED_WINDOWS * this.limits.speedMs;
    const speeds = this.workers
      .map(({ stats: { outputSpeed } }) => (outputSpeed.atMs >= sinceMs ? msPerToken(outputSpeed) : null))
      .filter((speed) => speed !== null);
    const medianMsPerToken = median(speeds);
    const isAnyWarm = this.workers.some((worker) => worker.isAvailable && !worker.isWarming);
    for (const worker of this.workers) worker.refresh(medianMsPerToken, nowMs, isAnyWarm);
  }
}

/** Its stats are replaced, never changed, so that both may hold the same. */
function copyOf(worker: PooledWorker): PooledWorker {
  return Object.assign(Object.create(PooledWorker.prototype) as PooledWorker, worker);
}

/**
 * The workers that a request may be sent to now: available, not throttled, with capacity, not tried yet, and of the
 * lowest priority number there is. Suspect ones only when there is none better.
 */
function usableWorkers(
  all: readonly PooledWorker[],
  tried: ReadonlySet<string>,
  nowMs: number,
): readonly PooledWorker[] {
  const available = all.filter((worker) => worker.isAvailable);
  // A lone worker is never made unreachable by 429s.
  const [lone] = available.length === 1 ? available : [];
  const free = available.filter(
    (worker) =>
      worker.hasCapacity && !tried.has(worker.id) && (worker === lone || !worker.isThrottled(nowMs)),
  );
  const trusted = free.filter((worker) => worker.isTrusted(nowMs));
  return firstTier(trusted.length > 0 ? trusted : free);
}

/** The ejected workers that may have a trial now, unless they are of a later tier than the usable ones. */
function workersAwaitingTrial(
  all: readonly PooledWorker[],
  usable: readonly PooledWorker[],
  nowMs: number,
): readonly PooledWorker[] {
  const tier = usable[0]?.member.priority ?? Infinity;
  return all.filter(
    (worker) =>
      worker.isEligible &&
      worker.awaitsTrial(nowMs) &&
      worker.member.priority <= tier &&
      !worker.isThrottled(nowMs) &&
      worker.hasCapacity,
  );
}

function firstTier(free: readonly PooledWorker[]): readonly PooledWorker[] {
  let lowest = Infinity;
  let highest = -Infinity;
  for (const { member } of free) {
    lowest = Math.min(lowest, member.priority);
    highest = Math.max(highest, member.priority);
  }
  return lowest === highest ? free : free.filter(({ member }) => member.priority === lowest);
}
