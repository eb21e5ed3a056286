import { POLICIES } from '../../src/balancing/policies/strategies.js';
import type { Strategy } from '../../src/config/settings.js';
import { DEFAULT_STATS_LIMITS } from '../../src/balancing/pool/stats-limits.js';
import type { RequestResult } from '../../src/balancing/request-result.js';
import { type AcquiredWorker, WorkerPool } from '../../src/balancing/pool/worker-pool.js';
import type { PoolMember } from '../../src/balancing/pool/pooled-worker.js';
import { seededRandom } from '../../test/seeded-random.js';

/** What a pick costs, by itself and with all that surrounds it: who may be used, count, count back, learn. */
const SIZES = [4, 64, 1000] as const;
const SLICE_MS = 60;
const SLICES = 7;
const RUNNING_PER_WORKER = 2;
const SERVED: RequestResult = { kind: 'success', durationMs: 800, units: 80 };

const strategies = Object.keys(POLICIES) as Strategy[];
console.log(`nanoseconds, the best of ${SLICES} slices of ${SLICE_MS} ms; Node ${process.version}\n`);
console.log(`| strategy | ${SIZES.map((size) => `pick of ${size} | whole loan of ${size}`).join(' | ')} |`);
console.log(`|---|${SIZES.map(() => '--:|--:|').join('')}`);
for (const strategy of strategies) {
  const cells = SIZES.flatMap((size) => [pickNs(strategy, size), loanNs(strategy, size)]);
  console.log(`| ${strategy} | ${cells.map((ns) => Math.round(ns).toLocaleString('en')).join(' | ')} |`);
}

/** The policy alone. */
function pickNs(strategy: Strategy, size: number): number {
  const policy = POLICIES[strategy];
  const { roster } = busyRoster(strategy, size);
  const random = seededRandom(1);
  let memory: unknown = policy.start;
  return bestNs(() => {
    const pick = (policy as { pick(...of: unknown[]): { index: number; memory: unknown } }).pick(
      roster.all,
      memory,
      random,
      'session',
    );
    memory = pick.memory;
  });
}

/** A whole request's share of balancing: lend and give back, with as many running as usual. */
function loanNs(strategy: Strategy, size: number): number {
  const { roster, loans } = busyRoster(strategy, size);
  let nowMs = 1000;
  let at = 0;
  return bestNs(() => {
    nowMs += 0.5;
    const done = loans[at];
    if (done !== undefined) roster.release(done, SERVED, nowMs);
    const next = roster.acquire(nowMs, undefined, 'session');
    if ('worker' in next) loans[at] = next;
    at = (at + 1) % loans.length;
  });
}

function busyRoster(strategy: Strategy, size: number): { roster: WorkerPool; loans: AcquiredWorker[] } {
  const roster = new WorkerPool(POLICIES[strategy], DEFAULT_STATS_LIMITS, seededRandom(2));
  const members = Array.from({ length: size }, (_, index): PoolMember => ({
    id: `0b0e5d0a-6f0a-4c8e-9a51-${String(index).padStart(12, '0')}`,
    weight: 1,
    priority: 0,
    concurrencyLimit: 64,
    isEnabled: true,
    health: 'healthy',
    generation: 1,
  }));
  roster.update(members);
  const loans: AcquiredWorker[] = [];
  for (let i = 0; i < size * RUNNING_PER_WORKER; i++) {
    const loan = roster.acquire(0);
    if ('worker' in loan) loans.push(loan);
  }
  return { roster, loans };
}

function bestNs(once: () => void): number {
  let best = Infinity;
  for (let slice = 0; slice < SLICES; slice++) {
    const startedMs = performance.now();
    let times = 0;
    let tookMs = 0;
    while (tookMs < SLICE_MS) {
      for (let i = 0; i < 200; i++) once();
      times += 200;
      tookMs = performance.now() - startedMs;
    }
    best = Math.min(best, (tookMs * 1e6) / times);
  }
  return best;
}
