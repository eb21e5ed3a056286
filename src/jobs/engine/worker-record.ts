import type { JobFailureLimits } from '../../config/job-settings.js';
import type { AdminState, Health } from '../../registry/worker.js';

/** What jobs have shown of a worker: a row of `job_worker`. */
export interface WorkerRecord {
  /** Submits in a row that it did not take: busy, or out of reach. */
  readonly busyInRow: number;
  /** Jobs in a row that ended by its own fault. */
  readonly faultsInRow: number;
  /** Jobs in a row that failed, whatever the cause. */
  readonly failuresInRow: number;
  /** How long it gets no new jobs yet; 0: it gets some. */
  readonly pauseMs: number;
  readonly pauseReason: '' | 'busy' | 'unreachable' | 'faults';
}

export const EMPTY_RECORD: WorkerRecord = {
  busyInRow: 0,
  faultsInRow: 0,
  failuresInRow: 0,
  pauseMs: 0,
  pauseReason: '',
};

/** What one submit or one ended job shows of its worker. */
export type Outcome =
  | { readonly kind: 'accepted' | 'succeeded' | 'unreachable' }
  | { readonly kind: 'busy'; readonly retryAfterMs: number | null }
  /** The worker forgot the task, was too slow or out of reach. */
  | { readonly kind: 'fault' }
  /** The job failed with the upstream's words: by the request, or by the worker. */
  | { readonly kind: 'failed' };

/**
 * Busy and unreachable workers are paused at once, longer each time. Faults pause a worker from the third in a row on.
 * Failures that the request may have caused never pause it: from the fifth in a row on it gets one job at a time, so that
 * one client's bad requests do not take a worker from all others.
 */
export function afterOutcome(before: WorkerRecord, outcome: Outcome, limits: JobFailureLimits): WorkerRecord {
  switch (outcome.kind) {
    case 'succeeded':
      return EMPTY_RECORD;
    case 'accepted':
      return before.busyInRow === 0 ? before : { ...before, busyInRow: 0 };
    case 'busy':
    case 'unreachable': {
      const busyInRow = before.busyInRow + 1;
      const doubled = Math.min(limits.busyMs * 2 ** (busyInRow - 1), limits.busyMaxMs);
      const wanted = outcome.kind === 'busy' ? outcome.retryAfterMs : null;
      const pauseMs = Math.min(wanted ?? doubled, limits.pauseMaxMs);
      return { ...before, busyInRow, pauseMs, pauseReason: outcome.kind };
    }
    case 'fault': {
      const faultsInRow = before.faultsInRow + 1;
      const counted = { ...before, faultsInRow, failuresInRow: before.failuresInRow + 1 };
      const over = faultsInRow - limits.faultsInARow;
      if (over < 0) return counted;
      const pauseMs = Math.min(limits.pauseMs * 2 ** over, limits.pauseMaxMs);
      return { ...counted, pauseMs: Math.max(pauseMs, before.pauseMs), pauseReason: 'faults' };
    }
    case 'failed':
      return { ...before, failuresInRow: before.failuresInRow + 1, faultsInRow: 0 };
  }
}

/** A worker as the table shows it in the moment jobs are started. */
export interface WorkerLoad {
  readonly adminState: AdminState;
  readonly health: Health;
  readonly maxConcurrency: number;
  /** Jobs in submitting, unknown, running and cancelling, of all replicas. */
  readonly active: number;
  readonly submitting: number;
}

/** How many jobs the worker may be given now. */
export function roomOf(load: WorkerLoad, record: WorkerRecord, limits: JobFailureLimits): number {
  if (load.adminState !== 'enabled' || load.health === 'unhealthy' || record.pauseMs > 0) return 0;
  const free = Math.max(0, load.maxConcurrency - load.active);
  // After a pause, one job shows whether it is over.
  if (record.faultsInRow >= limits.faultsInARow || record.failuresInRow >= limits.limitedAfter)
    return Math.min(free, Math.max(0, 1 - load.active));
  if (record.busyInRow > 0) return Math.min(free, Math.max(0, 1 - load.submitting));
  return free;
}
