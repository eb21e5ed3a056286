import { isCallable, type Worker } from '../registry/worker.js';
import type { Standing } from './standing/standing.js';

/** In words: what keeps each of the workers from being used. */
export function whyNone(
  all: readonly Standing[],
  workerOf: (id: string) => Worker | undefined,
  nowMs: number,
): string {
  const reasons = new Map<string, number>();
  for (const standing of all) {
    const reason = whyNot(standing, workerOf(standing.id), nowMs);
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  return [...reasons].map(([reason, count]) => `${count} ${reason}`).join(', ');
}

function whyNot(standing: Standing, worker: Worker | undefined, nowMs: number): string {
  if (worker === undefined) return 'gone';
  if (worker.adminState !== 'enabled') return worker.adminState;
  if (!isCallable(worker)) return 'with a definition or credentials that cannot be used';
  if (standing.member.health === 'unhealthy') return 'unhealthy';
  switch (standing.experience.circuit.ejectedFor) {
    case 'connect_error':
      return 'unreachable a moment ago';
    case 'failure':
      return 'failing a moment ago';
    case 'credentials':
      return 'rejecting our credentials';
    case null:
      return standing.isBusy(nowMs) || !standing.hasRoom ? 'busy' : 'tried already';
  }
}
