import { type Worker, isCallable } from '../registry/worker.js';
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
    /** When it is worth asking again, in seconds, 1 or more. */
    readonly retryAfterS: number,
    why: string,
  ) {
    super(`no worker of model(${modelName}) can be used now: ${why}`);
    this.name = 'NoWorkerAvailableError';
  }
}

/** In words: what keeps each of the workers from being used. */
export function unavailableReason(
  all: readonly PooledWorker[],
  workerOf: (id: string) => Worker | undefined,
  nowMs: number,
): string {
  const reasons = new Map<string, number>();
  for (const standing of all) {
    const reason = reasonFor(standing, workerOf(standing.id), nowMs);
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  return [...reasons].map(([reason, count]) => `${count} ${reason}`).join(', ');
}

function reasonFor(standing: PooledWorker, worker: Worker | undefined, nowMs: number): string {
  if (worker === undefined) return 'gone';
  if (worker.adminState !== 'enabled') return worker.adminState;
  if (!isCallable(worker)) return 'with a definition or credentials that cannot be used';
  if (standing.member.health === 'unhealthy') return 'unhealthy';
  switch (standing.stats.circuit.ejectedFor) {
    case 'connect_error':
      return 'unreachable a moment ago';
    case 'failure':
      return 'failing a moment ago';
    case 'credentials':
      return 'rejecting our credentials';
    case null:
      return standing.isThrottled(nowMs) || !standing.hasCapacity ? 'busy' : 'tried already';
  }
}
