import type { PollCall, StatusReading, SubmitReading } from '../../registry/poll.js';
import type { Change } from './change.js';
import type { JobErrorCode } from '../job.js';
import type { ClaimedJob } from './job-leases.js';

/** What the engine knows when it decides on a step. */
export interface StepLimits {
  readonly unknownMs: number;
  readonly askPauseMs: number;
  readonly cancelMs: number;
  readonly resultMs: number;
}

/** With `ask`: an upstream that fails every submit must not be called for ever. */
const MOST_SUBMITS = 10;
/** Looks of many jobs must not come in step. ± share of every interval. */
const JITTER = 0.2;
/** The pause before a look that is repeated because the upstream did not answer. */
export const LONGEST_AGAIN_MS = 60_000;

type Rhythm = Pick<PollCall, 'intervalMs'>;

/** @param chance 0 to 1 */
export function nextLookMs({ intervalMs }: Rhythm, chance: number): number {
  return intervalMs * (1 + JITTER * (2 * chance - 1));
}

export function failed(code: JobErrorCode, message: string): Change {
  return { state: 'failed', note: '', dueMs: 0, error: { code, message } };
}

export function cancelled(message: string, note = ''): Change {
  return { state: 'cancelled', note, dueMs: 0, error: { code: 'cancelled', message } };
}

/** The answer to a submit. Only what was certainly not taken goes back to the queue. */
export function afterSubmit(
  reading: SubmitReading,
  workerId: string,
  submit: number,
  poll: Pick<PollCall, 'intervalMs' | 'timeoutMs' | 'queueMs' | 'resubmit'>,
  chance: number,
): Change {
  switch (reading.kind) {
    case 'accepted':
      return {
        state: 'running',
        note: '',
        dueMs: nextLookMs(poll, chance),
        kept: reading.kept,
        acceptedForMs: poll.timeoutMs,
      };
    case 'busy':
      return notTaken(workerId, `busy: ${reading.message}`);
    case 'refused':
      return failed('submit_refused', reading.message);
    case 'unknown':
      return afterUnknownSubmit(reading.message, submit, poll);
  }
}

/** Back to the queue; other workers first. */
export function notTaken(workerId: string | null, note: string): Change {
  return { state: 'queued', note, dueMs: 0, ...(workerId === null ? {} : { tried: workerId }) };
}

/** A submit that was sent and not answered: the upstream may have taken it. */
export function afterUnknownSubmit(
  message: string,
  submit: number,
  { resubmit, queueMs, timeoutMs }: Pick<PollCall, 'resubmit' | 'queueMs' | 'timeoutMs'>,
): Change {
  const note = `maybe submitted: ${message}`;
  switch (resubmit) {
    case 'never':
      return failed('submit_unknown', note);
    case 'once':
      return submit > 1 ? failed('submit_unknown', `${note}, for the second time`) : again(note, queueMs);
    case 'ask':
      return { state: 'unknown', note, dueMs: 1_000, acceptedForMs: timeoutMs };
  }
}

function again(why: string, queueMs: number): Change {
  return { state: 'queued', note: `${why}; it is submitted again`, dueMs: 1_000, queueMs };
}

/**
 * A job of which it is not known whether its submit arrived, and whose replica is gone. `null`: the upstream is polled for it.
 */
export function afterLostSubmit(
  job: ClaimedJob,
  poll: Pick<PollCall, 'resubmit' | 'queueMs'> | null,
  limits: StepLimits,
): Change | null {
  const resubmit = poll?.resubmit ?? 'never';
  if (resubmit === 'ask') return null;
  if (job.cancelWanted) return cancelled('the job was cancelled; it may have been submitted');
  const mayComeMs =
    (resubmit === 'once' && job.submits < 2 ? limits.askPauseMs : limits.unknownMs) - job.stateMs;
  // The replica that submitted it may live, without the database, and record the upstream's answer.
  if (mayComeMs > 0)
    return { state: 'unknown', note: 'its replica is gone: it may have been submitted', dueMs: mayComeMs };
  if (resubmit === 'once' && job.submits < 2)
    return again('its replica ended while it was submitted', poll?.queueMs ?? 0);
  return failed('submit_unknown', 'its replica ended while it was submitted: the upstream may have taken it');
}

/** A look that showed nothing of the task. */
export function lookAgain(
  job: ClaimedJob,
  poll: PollCall,
  note: string,
  retryAfterMs: number | null,
  chance: number,
): Change {
  if (job.isOverdue && job.state === 'unknown') return failed('submit_unknown', `maybe submitted: ${note}`);
  if (job.isOverdue) return failed('timeout', `it was not done within ${poll.timeoutMs} ms; ${note}`);
  const dueMs = Math.max(nextLookMs(poll, chance), Math.min(retryAfterMs ?? 0, LONGEST_AGAIN_MS));
  return {
    state: job.state,
    note,
    dueMs,
    isLook: true,
    ...(job.notFoundMs === null ? {} : { isNotFound: true }),
  };
}

/** What a look showed; `null`: the task is done, and its result is to be fetched. */
export function afterStatus(
  job: ClaimedJob,
  reading: StatusReading,
  poll: PollCall,
  limits: StepLimits,
  chance: number,
): Change | null {
  switch (reading.kind) {
    case 'done':
      return null;
    case 'again':
      return lookAgain(job, poll, reading.note, reading.retryAfterMs, chance);
    case 'not_found':
      return notFound(job, reading.note, poll, limits, chance);
    case 'failed':
      return { ...failed('upstream_failed', reading.message), word: reading.word, isLook: true };
    case 'cancelled': {
      const cause = job.cancelWanted ? 'the job was cancelled' : 'the upstream cancelled it';
      const message = reading.message === '' ? cause : `${cause}: ${reading.message}`;
      return { ...cancelled(message, job.cancelWanted ? '' : cause), word: reading.word, isLook: true };
    }
    case 'queued':
    case 'running': {
      // Only a look that was made after the deadline ends the job by it.
      if (job.isOverdue && job.state !== 'unknown')
        return {
          ...failed('timeout', `it was not done within ${poll.timeoutMs} ms`),
          word: reading.word,
          isLook: true,
        };
      return {
        state: 'running',
        note: reading.note,
        dueMs: nextLookMs(poll, chance),
        word: reading.word,
        isLook: true,
        ...(reading.progress === null ? {} : { progress: reading.progress }),
        ...(reading.queuePosition === null ? {} : { queuePosition: reading.queuePosition }),
        ...(job.state === 'unknown' ? { acceptedForMs: poll.timeoutMs } : {}),
      };
    }
  }
}

function notFound(job: ClaimedJob, note: string, poll: PollCall, limits: StepLimits, chance: number): Change {
  const sinceMs = job.notFoundMs;
  if (job.state === 'unknown') {
    if (job.cancelWanted) return cancelled('the job was cancelled; the upstream does not know it');
    // Twice, with a pause: a submit may still be on its way.
    if (sinceMs === null || sinceMs < limits.askPauseMs)
      return {
        state: 'unknown',
        note: `the upstream does not know it (${note}); it is polled once more`,
        dueMs: limits.askPauseMs - (sinceMs ?? 0),
        isLook: true,
        isNotFound: true,
      };
    if (job.submits >= MOST_SUBMITS)
      return {
        ...failed('submit_unknown', `submitted ${job.submits} times, and the upstream does not know it`),
        isLook: true,
      };
    return { ...again('the upstream does not know it', poll.queueMs), isLook: true };
  }
  if (job.isOverdue || (sinceMs !== null && sinceMs >= poll.notFoundMs))
    return {
      ...failed('upstream_lost', `the upstream does not know the task any more: ${note}`),
      isLook: true,
    };
  return {
    state: job.state,
    note: `not found: ${note}`,
    dueMs: nextLookMs(poll, chance),
    isLook: true,
    isNotFound: true,
  };
}

/** The cancel was sent to the upstream. @param answer `null`: none that confirms or refuses it */
export function afterCancel(
  job: ClaimedJob,
  answer: 'accepted' | 'refused' | 'no way' | null,
  limits: StepLimits,
): Change {
  switch (answer) {
    case 'accepted':
      return cancelled('the job was cancelled', 'the upstream accepted the cancel');
    case 'refused':
      return cancelled('the job was cancelled', 'the upstream refused to cancel it and may go on');
    case 'no way':
      return cancelled('the job was cancelled', 'the upstream has no way to cancel and goes on');
    case null:
      if ((job.cancelMs ?? 0) >= limits.cancelMs)
        return cancelled('the job was cancelled', 'the upstream did not answer and may go on');
      return { state: 'cancelling', note: 'the upstream does not answer the cancel yet', dueMs: 2_000 };
  }
}
