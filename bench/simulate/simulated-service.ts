import { Admission, DEFAULT_ADMISSION_LIMITS } from '../../src/balancing/admission/admission.js';
import {
  DEFAULT_RETRY_LIMITS,
  nextAttemptInMs,
  RetryBudget,
} from '../../src/balancing/admission/retry-budget.js';
import { POLICIES, type StrategyName } from '../../src/balancing/policies/strategies.js';
import { textHash } from '../../src/balancing/policies/picking.js';
import { concurrencyShare } from '../../src/balancing/model-pool.js';
import { DEFAULT_STATS_LIMITS } from '../../src/balancing/pool/stats-limits.js';
import type { RequestResult } from '../../src/balancing/request-result.js';
import { type AcquiredWorker, WorkerPool } from '../../src/balancing/pool/worker-pool.js';
import type { PoolMember } from '../../src/balancing/pool/pooled-worker.js';
import type { BalancingSystem, Send } from './balancing-system.js';
import { HealthChecks } from './health-checks.js';
import type { Answer, Request } from './traffic.js';
import type { CallResult, SimulatedWorker } from './simulated-worker.js';
import type { VirtualTime } from './virtual-time.js';

export interface ServiceOptions {
  readonly strategy: StrategyName;
  readonly replicas: number;
  /** `max_concurrency` of each worker. */
  readonly concurrencyLimit: number;
  readonly retries: boolean;
}

/** What a verdict takes from one replica's database connection to another's memory. */
const NOTIFY_MS = 100;

interface Replica {
  readonly admission: Admission;
  readonly budget: RetryBudget;
}

/** The service's own roster, policy, admission, retries and judge, on as many replicas, in virtual time. */
export class SimulatedService implements BalancingSystem {
  private readonly replicas: readonly Replica[];
  private readonly ids: readonly string[];
  private readonly checks: HealthChecks;

  constructor(
    upstreams: readonly SimulatedWorker[],
    private readonly options: ServiceOptions,
    private readonly time: VirtualTime,
    private readonly send: Send,
    private readonly random: () => number,
  ) {
    this.ids = upstreams.map((_, worker) => `worker-${worker}`);
    this.replicas = Array.from({ length: options.replicas }, () => {
      const roster = new WorkerPool(POLICIES[options.strategy], DEFAULT_STATS_LIMITS, random);
      return {
        admission: new Admission(roster, time, DEFAULT_ADMISSION_LIMITS),
        budget: new RetryBudget(DEFAULT_RETRY_LIMITS),
      };
    });
    this.checks = new HealthChecks(upstreams, options.replicas, time, random, {
      lastServedMs: (replica, worker) => this.lastServedMs(replica, worker),
      changed: () => time.after(NOTIFY_MS, () => this.spread()),
    });
    this.spread();
  }

  /** When each worker's health last changed, and to what. */
  get verdicts(): readonly { readonly atMs: number; readonly worker: number; readonly health: string }[] {
    return this.checks.verdicts;
  }

  handle(request: Request, answer: (answer: Answer) => void): void {
    const replica = this.replicas[request.replica];
    if (replica === undefined) throw new RangeError('no such replica');
    replica.budget.countRequest(this.time.nowMs());
    this.attempt(request, replica, new Set(), answer);
  }

  private attempt(
    request: Request,
    replica: Replica,
    tried: ReadonlySet<string>,
    answer: (answer: Answer) => void,
  ): void {
    replica.admission.enter({ tried, affinityKey: request.affinityKey, deadlineMs: Infinity }, (result) => {
      if (!('standing' in result)) answer(tried.size === 0 ? 'turned_away' : 'error');
      else {
        this.call(request, replica, result, (outcome) => {
          if (outcome.kind === 'success') answer('served');
          else this.retry(request, replica, new Set([...tried, result.standing.id]), outcome, answer);
        });
      }
    });
  }

  private call(
    request: Request,
    replica: Replica,
    loan: AcquiredWorker,
    end: (outcome: RequestResult) => void,
  ): void {
    const startedMs = this.time.nowMs();
    const worker = this.ids.indexOf(loan.standing.id);
    this.send(worker, request, (ending) => {
      const outcome = resultOf(ending, this.time.nowMs() - startedMs, request.tokens);
      replica.admission.release(loan, outcome);
      if (outcome.kind !== 'success') this.checks.hint(worker);
      end(outcome);
    });
  }

  private retry(
    request: Request,
    replica: Replica,
    tried: ReadonlySet<string>,
    outcome: RequestResult,
    answer: (answer: Answer) => void,
  ): void {
    const afterConnectError = outcome.kind === 'connect_error';
    const inMs = nextAttemptInMs(tried.size, afterConnectError, this.random, DEFAULT_RETRY_LIMITS);
    if (!this.options.retries || inMs === null || !replica.budget.take(this.time.nowMs())) answer('error');
    else this.time.after(inMs, () => this.attempt(request, replica, tried, answer));
  }

  private lastServedMs(replica: number, worker: number): number | null {
    return this.replicas[replica]?.admission.workerPool.all[worker]?.stats.lastSuccessMs ?? null;
  }

  /** What every replica reads in the registry. */
  private spread(): void {
    const { concurrencyLimit: cap, replicas } = this.options;
    const nowMs = this.time.nowMs();
    for (const [rank, { admission }] of this.replicas.entries()) {
      const members = this.ids.map((id, worker): PoolMember => ({
        id,
        weight: 1,
        priority: 0,
        cap: concurrencyShare(cap, replicas, rank, textHash(id)),
        isOpen: true,
        health: this.checks.healthOf(worker),
        generation: 1,
      }));
      admission.workerPool.update(members, nowMs);
      admission.serveQueue();
    }
  }
}

function resultOf(ending: CallResult, durationMs: number, units: number): RequestResult {
  switch (ending) {
    case 'served':
      return { kind: 'success', durationMs, units };
    case 'refused':
      return { kind: 'connect_error' };
    case '500':
    case 'cut_off':
    case 'timeout':
      return { kind: 'failure' };
  }
}
