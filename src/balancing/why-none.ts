import { isCallable } from '../registry/worker.js';
import type { Standing } from './usable.js';

/** In words: what keeps each of the workers from being used. */
export function whyNone(all: readonly Standing[], nowMs: number): string {
  const reasons = new Map<string, number>();
  for (const standing of all) {
    const reason = whyNot(standing, nowMs);
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  return [...reasons].map(([reason, count]) => `${count} ${reason}`).join(', ');
}

function whyNot({ worker, activity }: Standing, nowMs: number): string {
  if (worker.adminState !== 'enabled') return worker.adminState;
  if (!isCallable(worker)) return 'with a definition or credentials that cannot be used';
  if (worker.health === 'unhealthy') return 'unhealthy';
  if (activity.ejectedUntilMs > nowMs) return 'unreachable a moment ago';
  if (activity.inFlight >= worker.maxConcurrency) return 'busy';
  return 'tried already';
}
