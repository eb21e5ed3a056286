import type { Admission } from './admission/admission.js';
import { isAnswerFailure } from './pool/blame.js';
import type { AcquiredWorker, FinishedAttempt } from './pool/worker-pool.js';
import type { RequestResult } from './request-result.js';

/**
 * The attempts of one request at one model. `withWorker` adds to them; the retry loop settles them in a `finally`, when
 * no further attempt follows, however the request ended: only then is it known whether the workers are to blame.
 */
export class RequestAttempts {
  private finished: FinishedAttempt[] | null = null;
  private admission: Admission | null = null;

  /** Nothing is kept of a request that goes well at once. */
  add(acquired: AcquiredWorker, { kind }: RequestResult, admission: Admission): void {
    if (kind === 'success' && this.finished === null) return;
    this.finished ??= [];
    this.finished.push({ workerId: acquired.worker.id, kind, acquired });
    this.admission = admission;
  }

  settle(): void {
    const { admission, finished } = this;
    this.finished = null;
    if (admission === null || finished === null) return;
    if (finished.some(({ kind }) => isAnswerFailure(kind))) admission.settle(finished);
  }
}
