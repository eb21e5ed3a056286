import { POLICIES } from '../../src/balancing/policies/strategies.js';
import type { Strategy } from '../../src/config/balancing-settings.js';
import { DEFAULT_STATS_LIMITS } from '../../src/config/tuning.js';
import type { RequestResult } from '../../src/balancing/request-result.js';
import type { AcquiredWorker } from '../../src/balancing/pool/acquired-worker.js';
import { WorkerPool } from '../../src/balancing/pool/worker-pool.js';
import type { PoolMember } from '../../src/balancing/pool/pooled-worker.js';
import { printKeys } from './keys.js';
import { seededRandom } from '../../test/seeded-random.js';

/** The cost of a pick, alone and with acquire and release: usable workers, counting, learning from the result. */
const SIZES = [4, 64, 1000] as const;
const SLICE_MS = 60;
const SLICES = 7;
const RUNNING_PER_WORKER = 2;
const session = (): string => 'session';
const SERVED: RequestResult = { kind: 'success', durationMs: 800, units: 80 };

const strategies = Object.keys(POLICIES) as Strategy[];
console.log(`nanoseconds, the best of ${SLICES} slices of ${SLICE_MS} ms; Node ${process.version}\n`);
console.log(
  `| strategy | ${SIZES.map((size) => `pick of ${size} | acquire and release of ${size}`).join(' | ')} |`,
);
console.log(`|---|${SIZES.map(() => '--:|--:|').join('')}`);
for (const strategy of strategies) {
  const cells = SIZES.flatMap((size) => [pickNs(strategy, size), roundTripNs(strategy, size)]);
  console.log(`| ${strategy} | ${cells.map((ns) => Math.round(ns).toLocaleString('en')).join(' | ')} |`);
}

printKeys();

/** Only the policy. */
function pickNs(strategy: Strategy, size: number): number {
  const policy = POLICIES[strategy];
  const { pool } = busyPool(strategy, size);
  const random = seededRandom(1);
  let memory: unknown = policy.start;
  return bestNs(() => {
    const pick = (policy as { pick(...of: unknown[]): { index: number; memory: unknown } }).pick(
      pool.all,
      memory,
      random,
      'session',
    );
    memory = pick.memory;
  });
}

/** The balancing of a whole request: acquire and release, with the usual number of running requests. */
function roundTripNs(strategy: Strategy, size: number): number {
  const { pool, acquired } = busyPool(strategy, size);
  let nowMs = 1000;
  let at = 0;
  return bestNs(() => {
    nowMs += 0.5;
    const done = acquired[at];
    if (done !== undefined) pool.release(done, SERVED, nowMs);
    const next = pool.acquire(nowMs, undefined, session);
    if ('worker' in next) acquired[at] = next;
    at = (at + 1) % acquired.length;
  });
}

function busyPool(strategy: Strategy, size: number): { pool: WorkerPool; acquired: AcquiredWorker[] } {
  const pool = new WorkerPool(POLICIES[strategy], DEFAULT_STATS_LIMITS, seededRandom(2));
  const members = Array.from({ length: size }, (_, index): PoolMember => ({
    id: `0b0e5d0a-6f0a-4c8e-9a51-${String(index).padStart(12, '0')}`,
    weight: 1,
    priority: 0,
    concurrencyLimit: 64,
    isEnabled: true,
    health: 'healthy',
    generation: 1,
  }));
  pool.update(members);
  const acquired: AcquiredWorker[] = [];
  for (let i = 0; i < size * RUNNING_PER_WORKER; i++) {
    const one = pool.acquire(0);
    if ('worker' in one) acquired.push(one);
  }
  return { pool, acquired };
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
