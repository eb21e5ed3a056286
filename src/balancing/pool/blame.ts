import type { RequestResult } from '../request-result.js';

/** An attempt of a request, as far as blame depends on it. */
export interface EndedAttempt {
  readonly workerId: string;
  readonly kind: RequestResult['kind'];
}

/**
 * `worker`: the failure counts towards the worker's ejection.
 * `request`: the request fails elsewhere, too, so its failure says nothing about the worker.
 * `none`: the attempt's result was judged when it ended.
 */
export type Blame = 'worker' | 'request' | 'none';

/**
 * Decides, for each attempt of one finished request, what its failure says about the worker. Only failures by answers
 * are compared, because a prompt can cause them; no prompt causes a refused connection or a 401.
 *
 * A failure counts when the request went well at another worker, or when no other worker gave an answer to compare with.
 * A request that fails at two workers is at fault itself.
 */
export function blame(attempts: readonly EndedAttempt[]): readonly Blame[] {
  return attempts.map(({ workerId, kind }) => {
    if (!isAnswerFailure(kind)) return 'none';
    let failedElsewhere = false;
    for (const other of attempts) {
      if (other.workerId === workerId) continue;
      if (other.kind === 'success') return 'worker';
      failedElsewhere ||= speaksAgainstRequest(other.kind);
    }
    return failedElsewhere ? 'request' : 'worker';
  });
}

/** Whether a result is compared with the request's other attempts before it counts. */
export function isAnswerFailure(kind: RequestResult['kind']): kind is 'failure' | 'access_denied' {
  return kind === 'failure' || kind === 'access_denied';
}

function speaksAgainstRequest(kind: RequestResult['kind']): boolean {
  return isAnswerFailure(kind) || kind === 'timeout' || kind === 'caller_fault';
}
