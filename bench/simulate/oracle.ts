import type { SimulatedWorker } from './simulated-worker.js';
import type { Answer, BalancingSystem, Request, Send } from './traffic.js';

/**
 * One central balancer that sees every request of all replicas and knows of each worker, at every moment, how many slots
 * it has, how fast it is and whether it works. It does not know the length of an answer. It sends each request to the
 * worker with the earliest expected answer.
 */
export class Oracle implements BalancingSystem {
  constructor(
    private readonly workers: readonly SimulatedWorker[],
    private readonly send: Send,
    private readonly random: () => number,
  ) {}

  handle(request: Request, answer: (answer: Answer) => void): void {
    let lowest = Infinity;
    let best = 0;
    let ties = 0;
    for (const [index, worker] of this.workers.entries()) {
      const expected = expectedOf(worker);
      if (expected > lowest) continue;
      ties = expected < lowest ? 1 : ties + 1;
      lowest = expected;
      if (ties === 1 || this.random() * ties < 1) best = index;
    }
    this.send(best, request, (result) => answer(result === 'served' ? 'served' : 'error'));
  }
}

/** In units of the mean work: the request's own, and its place in the queue before the slots. */
function expectedOf({ behaviour, load, slots }: SimulatedWorker): number {
  if (behaviour.fault !== 'none' || behaviour.failShare > 0) return Number.MAX_VALUE;
  const ahead = Math.max(0, load + 1 - slots);
  return behaviour.relativeLatency * (1 + ahead / slots);
}
