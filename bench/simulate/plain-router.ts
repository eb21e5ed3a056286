import { textHash } from '../../src/balancing/policies/picking.js';
import type { Candidate, Policy } from '../../src/balancing/policies/policy.js';
import { DEFAULT_STATS_LIMITS } from '../../src/config/tuning.js';
import { afterLatency, latencyAt, NO_LATENCY } from '../../src/balancing/pool/averages.js';

import type { Answer, BalancingSystem, Request, Send } from './traffic.js';
import type { VirtualTime } from './virtual-time.js';

/** A strategy alone, as in a plain router: counts per replica, without ejection, health, queue and retries. */
export class PlainRouter implements BalancingSystem {
  private readonly loads: readonly RouterView[][];
  private readonly memories: unknown[];

  constructor(
    private readonly policy: Policy<unknown>,
    { workers, replicas }: { readonly workers: number; readonly replicas: number },
    private readonly time: VirtualTime,
    private readonly send: Send,
    private readonly random: () => number,
  ) {
    this.loads = Array.from({ length: replicas }, () =>
      Array.from({ length: workers }, (_, worker) => new RouterView(`w${worker}`)),
    );
    this.memories = this.loads.map(() => policy.start);
  }

  handle(request: Request, answer: (answer: Answer) => void): void {
    const views = this.loads[request.replica] ?? [];
    const nowMs = this.time.nowMs();
    for (const view of views) view.refresh(nowMs);
    const pick = this.policy.pick(views, this.memories[request.replica], this.random, request.affinityKey);
    this.memories[request.replica] = pick.memory;
    const view = views[pick.index];
    if (view === undefined) throw new RangeError('no such worker');
    view.inFlight += 1;
    this.send(pick.index, request, (result) => {
      view.inFlight -= 1;
      if (result === 'served') view.learn(this.time.nowMs() - nowMs, this.time.nowMs());
      answer(result === 'served' ? 'served' : 'error');
    });
  }
}

class RouterView implements Candidate {
  readonly hash: number;
  readonly weight = 1;
  readonly relativeLatency = 1;
  readonly penalty = 0;
  inFlight = 0;
  peakLatencyMs = 0;
  private latency = NO_LATENCY;

  constructor(readonly id: string) {
    this.hash = textHash(id);
  }

  learn(ms: number, nowMs: number): void {
    this.latency = afterLatency(this.latency, ms, nowMs, DEFAULT_STATS_LIMITS.latencyMs);
  }

  refresh(nowMs: number): void {
    this.peakLatencyMs = latencyAt(this.latency, nowMs, DEFAULT_STATS_LIMITS.latencyMs);
  }
}
