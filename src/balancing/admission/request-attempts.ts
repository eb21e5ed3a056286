import { isAnswerFailure } from '../pool/blame.js';
import type { AcquiredWorker, FinishedAttempt } from '../pool/acquired-worker.js';
import type { RequestResult } from '../request-result.js';

/** Judges the failed attempts of a request that is over. */
interface Judge {
  settle(attempts: readonly FinishedAttempt[]): void;
}

/**
 * The attempts of one request at one model. `withWorker` adds to them; the retry loop settles them in a `finally`, when
 * no further attempt follows, however the request ended: only then is it known whether the workers are to blame.
 */
export class RequestAttempts {
  private finished: FinishedAttempt[] | null = null;
  private judge: Judge | null = null;

  /** Nothing is kept of a request that goes well at once. */
  add(acquired: AcquiredWorker, { kind }: RequestResult, judge: Judge): void {
    if (kind === 'success' && this.finished === null) return;
    this.finished ??= [];
    this.finished.push({ workerId: acquired.worker.id, kind, acquired });
    this.judge = judge;
  }

  settle(): void {
    const { judge, finished } = this;
    this.finished = null;
    if (judge === null || finished === null) return;
    if (finished.some(({ kind }) => isAnswerFailure(kind))) judge.settle(finished);
  }
}
