import type { PollCall } from '../../registry/poll.js';
import type { Change } from './change.js';
import type { ClaimedJob } from './job-leases.js';
import { failed, LONGEST_AGAIN_MS, nextLookMs, type StepLimits } from './next-step.js';

/** A result that could not be fetched now. */
export function resultAgain(
  job: ClaimedJob,
  note: string,
  retryAfterMs: number | null,
  poll: PollCall,
  limits: StepLimits,
  chance: number,
): Change {
  if (job.doneMs !== null && job.doneMs >= limits.resultMs)
    return {
      ...failed('result_unreachable', `it is done, but its result could not be fetched: ${note}`),
      isLook: true,
    };
  const dueMs = Math.max(nextLookMs(poll, chance), Math.min(retryAfterMs ?? 0, LONGEST_AGAIN_MS));
  return {
    state: job.state === 'unknown' ? 'running' : job.state,
    note: `done; its result cannot be fetched yet: ${note}`,
    dueMs,
    isLook: true,
    isDone: true,
    ...(job.state === 'unknown' ? { acceptedForMs: poll.timeoutMs } : {}),
  };
}

/**
 * The URL of a result does not work. Each look requests a new one, at least once; an upstream may name a file a little before
 * it has it.
 */
export function resultRefused(
  job: ClaimedJob,
  note: string,
  poll: PollCall,
  limits: StepLimits,
  chance: number,
): Change {
  const resultMs = Math.min(limits.resultMs, poll.notFoundMs);
  return resultAgain(job, note, null, poll, { ...limits, resultMs }, chance);
}
