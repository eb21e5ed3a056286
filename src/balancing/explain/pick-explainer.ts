import { Injectable } from '@nestjs/common';
import { WorkerCompiler } from '../../registry/calls/worker-compiler.js';
import { countReasons } from '../../registry/unusable-worker.js';
import { Replicas } from '../../replicas/replicas.js';
import { REAL_CLOCK } from '../admission/clock.js';
import { whyNotPicked } from '../balancing-errors.js';
import type { ModelPool } from '../model-pool.js';
import { ModelPools } from '../model-pools.js';
import type { PooledWorker } from '../pool/pooled-worker.js';
import { type ExplainedPick, explainPick, type PickQuestion } from './explain-pick.js';
import { type Surroundings, whyNot } from './why-not.js';

export interface ExplainedModel extends ExplainedPick {
  /** Why the request does not start; `null`: it does. */
  readonly reason: string | null;
}

/** Says where this replica would send a request. */
@Injectable()
export class PickExplainer {
  constructor(
    private readonly pools: ModelPools,
    private readonly compiler: WorkerCompiler,
    private readonly replicas: Replicas,
  ) {}

  /** Whose figures these are. */
  get replicaId(): string {
    return this.replicas.id;
  }

  /** Takes no place, counts nothing and changes nothing. `undefined`: as far as is known here there is no such model. */
  explain(modelName: string, question: PickQuestion): ExplainedModel | undefined {
    const pool = this.pools.peek(modelName);
    if (pool === undefined) return undefined;
    const nowMs = REAL_CLOCK.nowMs();
    const pick = explainPick(pool, question, nowMs, (pooled, around) => this.whyNot(pool, pooled, around));
    if (pick.outcome === 'starts') return { ...pick, reason: null };
    return { ...pick, reason: pick.waitsFor ?? reasonOf(pool, question, nowMs) };
  }

  private whyNot(pool: ModelPool, pooled: PooledWorker, around: Surroundings): string | null {
    const worker = pool.worker(pooled.id);
    const row = worker && this.compiler.overviewRowOf(worker);
    return whyNot(pooled, worker, row?.health_since ?? null, around);
  }
}

/** In the words of the 503 that a call gets. */
function reasonOf(pool: ModelPool, { excluded, unfit }: PickQuestion, nowMs: number): string {
  const reasons = pool.workerPool.all.map((pooled) => {
    const { id } = pooled;
    if (excluded.has(id)) return 'left out';
    if (unfit.has(id)) return 'that cannot serve this request';
    return whyNotPicked(pooled, pool.worker(id), nowMs) ?? 'free';
  });
  return `no worker can be used now: ${countReasons(reasons)}`;
}
