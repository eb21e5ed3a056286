import { Admission } from '../../../src/balancing/admission/admission.js';
import type { Rejection } from '../../../src/balancing/admission/waiter.js';
import type { Policy } from '../../../src/balancing/policies/policy.js';
import { firstInOrder } from '../../../src/balancing/policies/rendezvous.js';
import type { AcquiredWorker } from '../../../src/balancing/pool/acquired-worker.js';
import { WorkerPool } from '../../../src/balancing/pool/worker-pool.js';
import { DEFAULT_ADMISSION_LIMITS, DEFAULT_STATS_LIMITS } from '../../../src/config/tuning.js';
import { seededRandom } from '../../../test/seeded-random.js';
import { lowestIndex } from '../../../src/balancing/policies/picking.js';
import type { VirtualTime } from '../virtual-time.js';
import type { Turn } from './conversations.js';
import { type Engine, SEQUENCES } from './engine.js';

/** Picks an engine for each turn. */
export interface EngineRouter {
  /** @param use called with the index of the engine, once; calls `ended` with what it took and its tokens */
  route(turn: Turn, use: (engine: number, ended: (tookMs: number) => void) => void): void;
}

/** Every session at its home, whatever runs there. */
export const UNBOUNDED: Policy<null> = {
  start: null,
  usesKey: true,
  pick: (candidates, memory, _random, affinityKey = '') => ({
    index: firstInOrder(candidates, affinityKey, () => true),
    memory,
  }),
};

/** The service's own pools and admission at each of the replicas, which know nothing of each other. */
export class Replicas implements EngineRouter {
  private readonly admissions: readonly Admission[];

  constructor(
    { engines, replicas }: { readonly engines: number; readonly replicas: number },
    policy: Policy<unknown>,
    time: VirtualTime,
    seed: number,
  ) {
    const ids = Array.from({ length: engines }, (_, at) => `worker-${at}`);
    this.admissions = Array.from({ length: replicas }, (_, at) => {
      const random = seededRandom(seed * 104_729 + at);
      const pool = new WorkerPool(policy, DEFAULT_STATS_LIMITS, random);
      pool.update(
        ids.map((id) => ({
          id,
          weight: 1,
          priority: 0,
          // So that no strategy is helped by the queue before it.
          concurrencyLimit: 100_000,
          isEnabled: true,
          health: 'healthy',
          generation: 1,
        })),
      );
      return new Admission(pool, time, DEFAULT_ADMISSION_LIMITS, random);
    });
  }

  route(
    { affinityKey, answerTokens, replica }: Turn,
    use: (engine: number, ended: (tookMs: number) => void) => void,
  ): void {
    const admission = this.admissions[replica];
    if (admission === undefined) throw new RangeError(`no replica ${replica}`);
    const waiter = { tried: new Set<string>(), affinityKey: () => affinityKey, deadlineMs: Infinity };
    admission.enter(waiter, (result: AcquiredWorker | Rejection) => {
      if (!('worker' in result)) throw new Error('rejected without a limit');
      use(admission.workerPool.all.indexOf(result.worker), (durationMs) =>
        admission.release(result, { kind: 'success', durationMs, units: answerTokens }),
      );
    });
  }
}

/** Tokens of an answer that is not known yet. */
const USUAL_ANSWER = 180;

/**
 * One balancer that sees all requests, and knows of each engine at every moment what it caches, computes and has waiting, and
 * how slow it is. It does not know the lengths of answers. It picks the engine that is expected to end the answer first.
 */
export class EngineOracle implements EngineRouter {
  private readonly random: () => number;

  constructor(
    private readonly engines: readonly Engine[],
    seed: number,
  ) {
    this.random = seededRandom(seed);
  }

  route({ prompt }: Turn, use: (engine: number, ended: (tookMs: number) => void) => void): void {
    const expectedMs = (engine: Engine): number => {
      const decodeMs = USUAL_ANSWER * engine.nextStepMs();
      const ahead = Math.max(0, engine.load + 1 - SEQUENCES);
      return engine.prefillMs(prompt) + decodeMs * (1 + ahead / SEQUENCES);
    };
    use(lowestIndex(this.engines, expectedMs, this.random), () => undefined);
  }
}
