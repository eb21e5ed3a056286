import type { Worker } from '../registry/worker.js';
import type { ErrorType } from '../telemetry/error-type.js';
import type { Rejection } from './admission/admission.js';
import type { PooledWorker } from './pool/pooled-worker.js';

/** No worker that is not offline carries this name. */
export class UnknownModelError extends Error {
  constructor(readonly modelName: string) {
    super(`The request model(${modelName}) not exist in llm worker manager`);
    this.name = 'UnknownModelError';
  }
}

/** The model is known, and none of its workers may be used now. */
export class NoWorkerAvailableError extends Error {
  constructor(
    readonly modelName: string,
    /** When it is worth trying again, in seconds, 1 or more. */
    readonly retryAfterS: number,
    reason: string,
    /** Tells overload from an outage. */
    readonly errorType: ErrorType = 'policy_all_down',
  ) {
    super(`no worker of model(${modelName}) can be used now: ${reason}`);
    this.name = 'NoWorkerAvailableError';
  }
}

/** Too many requests, or an outage? */
export function unavailableType(
  reason: Rejection['reason'],
  all: readonly PooledWorker[],
  nowMs: number,
): ErrorType {
  switch (reason) {
    case 'full':
      return 'policy_queue_full';
    case 'waited':
      return 'policy_queue_timeout';
    case 'none':
      return all.some((pooled) => pooled.isAvailable && pooled.isThrottled(nowMs))
        ? 'policy_all_throttled'
        : 'policy_all_down';
  }
}

/** What keeps each of the workers from being used, such as `2 unhealthy, 1 busy`. */
export function unavailableReason(
  all: readonly PooledWorker[],
  workerOf: (id: string) => Worker | undefined,
  nowMs: number,
): string {
  const reasons = new Map<string, number>();
  for (const pooled of all) {
    const reason = reasonFor(pooled, workerOf(pooled.id), nowMs);
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  return [...reasons].map(([reason, count]) => `${count} ${reason}`).join(', ');
}

function reasonFor(pooled: PooledWorker, worker: Worker | undefined, nowMs: number): string {
  if (worker === undefined) return 'gone';
  if (worker.adminState !== 'enabled') return worker.adminState;
  if ('fault' in worker.call)
    return worker.call.isOfReplica
      ? 'that this replica cannot call, as its log says'
      : 'with a definition or credentials that cannot be used';
  if (pooled.member.health === 'unhealthy') return 'unhealthy';
  switch (pooled.stats.circuit.ejectedFor) {
    case 'connect_error':
      return 'unreachable a moment ago';
    case 'failure':
      return 'failing a moment ago';
    case 'credentials':
    case 'access_denied':
      return 'rejecting our credentials';
    case null:
      return pooled.isThrottled(nowMs) || !pooled.hasCapacity ? 'busy' : 'tried already';
  }
}
