import type { AdmissionLimits } from '../../config/balancing-settings.js';
import type { WorkerPool } from '../pool/worker-pool.js';
import type { QueueEntry } from './waiter.js';

/**
 * How long requests that are not bulk wait for a worker: `maxWaitMs`, or `holdMs` where one is asleep or was a moment ago. What piled up
 * while a worker was woken must be worked off afterwards, so the longer limit holds for as long again.
 */
export class Patience {
  /** When a worker was last known to be asleep or waking. */
  private lastComingMs = -Infinity;

  constructor(private readonly workerPool: Pick<WorkerPool, 'all'>) {}

  /** To be called while requests wait: a worker that falls asleep holds those, too. */
  look(nowMs: number): void {
    if (this.workerPool.all.some(({ isComing }) => isComing)) this.lastComingMs = nowMs;
  }

  /** Of a request that comes now. */
  ofMs({ maxWaitMs, holdMs }: AdmissionLimits, nowMs: number): number {
    this.look(nowMs);
    return nowMs - this.lastComingMs < holdMs ? Math.max(maxWaitMs, holdMs) : maxWaitMs;
  }

  /** When the request leaves the queue, as far as is known now; `Infinity`: it has no limit. */
  endMs({ sinceMs, priority, waiter }: QueueEntry, limits: AdmissionLimits, nowMs: number): number {
    const patienceMs = priority === 'bulk' ? Infinity : this.ofMs(limits, nowMs);
    return Math.min(sinceMs + patienceMs, waiter.deadlineMs);
  }
}
