import type { Worker } from '../registry/worker.js';
import type { Drained } from './replica-table.js';

/** Those on which this replica has no request left. A worker that is seen draining gets no further one. */
export function drainedHere(workers: readonly Worker[], inFlight: (workerId: string) => number): Drained {
  const done = workers.filter(({ adminState, id }) => adminState === 'draining' && inFlight(id) === 0);
  return Object.fromEntries(done.map(({ id, adminStateSinceMs }) => [id, adminStateSinceMs]));
}

export function isSame(one: Drained, other: Drained): boolean {
  const ids = Object.keys(one);
  return ids.length === Object.keys(other).length && ids.every((id) => one[id] === other[id]);
}
