import type { RequestResult } from '../request-result.js';

/** An attempt of a request, as far as blame depends on it. */
export interface EndedAttempt {
  readonly workerId: string;
  readonly kind: RequestResult['kind'];
}

/**
 * `worker`: the request went well at another worker.
 * `request`: the request failed at another worker, too, so its failure says nothing about this one.
 * `unknown`: no other worker gave an answer to compare with.
 * `none`: the attempt did not fail by an answer; its result was judged when it ended.
 */
export type Blame = 'worker' | 'request' | 'unknown' | 'none';

/**
 * Compares the attempts of one finished request and says, for each, what its failure is to be blamed on. Only failures by
 * answers are compared, because a prompt can cause them; no prompt causes a refused connection or a 401.
 */
export function blame(attempts: readonly EndedAttempt[]): readonly Blame[] {
  return attempts.map(({ workerId, kind }) => {
    if (!isAnswerFailure(kind)) return 'none';
    let failedElsewhere = false;
    for (const other of attempts) {
      if (other.workerId === workerId) continue;
      if (other.kind === 'success') return 'worker';
      // That another worker lacks the model does not explain this failure.
      failedElsewhere ||=
        speaksAgainstRequest(other.kind) && (kind === 'not_found' || other.kind !== 'not_found');
    }
    return failedElsewhere ? 'request' : 'unknown';
  });
}

/**
 * Whether a failure counts towards the worker's ejection. A missing model counts only if another worker has it. One that could not be compared counts unless the model's
 * compared failures were more often the requests' fault than the workers': while bad prompts use up the retry budget,
 * the failures that are not retried any more come from the same prompts.
 */
export function counts(
  verdict: Blame,
  kind: RequestResult['kind'],
  recent: { readonly requests: number; readonly workers: number },
): boolean {
  if (verdict === 'worker') return true;
  return verdict === 'unknown' && kind !== 'not_found' && recent.requests <= recent.workers;
}

/** Whether a result is compared with the request's other attempts before it counts. */
export function isAnswerFailure(
  kind: RequestResult['kind'],
): kind is 'failure' | 'access_denied' | 'not_found' {
  return kind === 'failure' || kind === 'access_denied' || kind === 'not_found';
}

function speaksAgainstRequest(kind: RequestResult['kind']): boolean {
  return isAnswerFailure(kind) || kind === 'timeout' || kind === 'client_fault';
}
