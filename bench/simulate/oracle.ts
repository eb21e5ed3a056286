import type { BalancingSystem, Send } from './balancing-system.js';
import type { Answer, Request } from './traffic.js';
import type { SimulatedWorker } from './simulated-worker.js';

/**
 * Stands in one place, sees every request of all replicas, and knows of each worker, at every moment, how many slots it
 * has, how fast it is and whether it works; how long an answer will be nobody knows. Sends to where the answer is to be
 * expected first.
 */
export class Oracle implements BalancingSystem {
  constructor(
    private readonly upstreams: readonly SimulatedWorker[],
    private readonly send: Send,
    private readonly random: () => number,
  ) {}

  handle(request: Request, answer: (answer: Answer) => void): void {
    let lowest = Infinity;
    let best = 0;
    let ties = 0;
    for (const [worker, upstream] of this.upstreams.entries()) {
      const expected = expectedOf(upstream);
      if (expected > lowest) continue;
      ties = expected < lowest ? 1 : ties + 1;
      lowest = expected;
      if (ties === 1 || this.random() * ties < 1) best = worker;
    }
    this.send(best, request, (ending) => answer(ending === 'served' ? 'served' : 'error'));
  }
}

/** In units of the mean work: its own, and its place in the line before the slots. */
function expectedOf({ behaviour: conduct, load, slots }: SimulatedWorker): number {
  if (conduct.fault !== 'none' || conduct.failShare > 0) return Number.MAX_VALUE;
  const inLine = Math.max(0, load + 1 - slots);
  return conduct.slowness * (1 + inLine / slots);
}
