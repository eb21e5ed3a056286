import { usualWakeMsOf } from '../registry/power/power.js';
import { countReasons, unusableReason } from '../registry/unusable-worker.js';
import type { Worker } from '../registry/worker.js';
import type { ErrorType } from '../telemetry/error-type.js';
import type { Rejection } from './admission/waiter.js';
import type { EjectionReason } from './pool/circuit.js';
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
    /** Distinguishes overload from an outage. */
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
      // Waiting does not help: an operator must mend it.
      if (isEach(all, ({ stats }) => CREDENTIALS.has(stats.circuit.ejectedFor)))
        return 'worker_rejected_credentials';
      return all.some((pooled) => pooled.isAvailable && pooled.isThrottled(nowMs))
        ? 'policy_all_throttled'
        : 'policy_all_down';
  }
}

const CREDENTIALS: ReadonlySet<EjectionReason | null> = new Set(['credentials', 'access_denied']);

/** Of those that operators and probes let be used. */
function isEach(all: readonly PooledWorker[], holds: (pooled: PooledWorker) => boolean): boolean {
  const eligible = all.filter(({ isEligible }) => isEligible);
  return eligible.length > 0 && eligible.every(holds);
}

/** What keeps each of the workers from being used, such as `2 unhealthy (connection refused), 1 busy`. */
export function unavailableReason(
  all: readonly PooledWorker[],
  workerOf: (id: string) => Worker | undefined,
  nowMs: number,
): string {
  if (all.length === 0) return 'its last worker was removed';
  return countReasons(
    all.map((pooled) => whyNotPicked(pooled, workerOf(pooled.id), nowMs) ?? 'tried already'),
  );
}

/** The longest pause between two wakings. */
const MOST_RETRY_AFTER_S = 300;

/** What is left of the usual waking of the first worker that is woken, in seconds; `null`: none is asleep. */
export function retryAfterWakingS(
  all: readonly PooledWorker[],
  workerOf: (id: string) => Worker | undefined,
): number | null {
  const leftMs = all.flatMap(({ id, isComing }) => {
    const power = isComing ? workerOf(id)?.power : null;
    if (power === null || power === undefined) return [];
    const nowMs = Date.now();
    const sinceMs = power.state === 'waking' ? power.sinceMs : Math.max(nowMs, power.nextWakeAtMs);
    return [sinceMs + usualWakeMsOf(power) - nowMs];
  });
  if (leftMs.length === 0) return null;
  return Math.min(MOST_RETRY_AFTER_S, Math.max(1, Math.ceil(Math.min(...leftMs) / 1000)));
}

/** What keeps a worker from being picked; `null`: nothing. */
export function whyNotPicked(pooled: PooledWorker, worker: Worker | undefined, nowMs: number): string | null {
  if (worker === undefined) return 'gone';
  const reason = unusableReason(worker);
  if (reason !== null) return reason;
  switch (pooled.stats.circuit.ejectedFor) {
    case 'connect_error':
      return 'unreachable a moment ago';
    case 'failure':
      return 'failing a moment ago';
    case 'credentials':
    case 'access_denied':
      return 'rejecting our credentials';
    case null:
      return pooled.isThrottled(nowMs) || !pooled.hasCapacity ? 'busy' : null;
  }
}
