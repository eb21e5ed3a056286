import { Admission, type Rejection, RequestAttempts } from '../../src/balancing/admission/admission.js';
import {
  DEFAULT_ADMISSION_LIMITS,
  DEFAULT_RETRY_LIMITS,
  DEFAULT_STATS_LIMITS,
} from '../../src/config/tuning.js';
import { nextAttemptInMs, RetryBudget } from '../../src/balancing/admission/retry-budget.js';
import { concurrencyShare } from '../../src/balancing/model-pool.js';
import { textHash } from '../../src/balancing/policies/picking.js';
import { POLICIES } from '../../src/balancing/policies/strategies.js';
import type { Strategy } from '../../src/config/balancing-settings.js';
import type { PoolMember } from '../../src/balancing/pool/pooled-worker.js';
import { type AcquiredWorker, WorkerPool } from '../../src/balancing/pool/worker-pool.js';
import type { RequestResult } from '../../src/balancing/request-result.js';

import { HealthChecks } from './health-checks.js';
import type { CallResult, SimulatedWorker } from './simulated-worker.js';
import type { Answer, BalancingSystem, Request, Send } from './traffic.js';
import type { VirtualTime } from './virtual-time.js';

export interface ServiceOptions {
  readonly strategy: Strategy;
  readonly replicas: number;
  /** `max_concurrency` of each worker. */
  readonly concurrencyLimit: number;
  readonly retries: boolean;
}

/** The time from a health change in the database of one replica to the memory of another. */
const NOTIFY_MS = 100;

interface Replica {
  readonly admission: Admission;
  readonly budget: RetryBudget;
}

/** A request in one replica. */
interface Call {
  readonly request: Request;
  readonly replica: Replica;
  readonly tried: Set<string>;
  readonly attempts: RequestAttempts;
  /** Attempts that a worker answered with a failure; refused connections are not among them. */
  failures: number;
  /** Ends the request. */
  readonly end: (answer: Answer) => void;
}

/** The service's own pool, policies, admission, retries and health evaluation, on as many replicas, in virtual time. */
export class SimulatedService implements BalancingSystem {
  private readonly replicas: readonly Replica[];
  private readonly ids: readonly string[];
  private readonly checks: HealthChecks;

  constructor(
    workers: readonly SimulatedWorker[],
    private readonly options: ServiceOptions,
    private readonly time: VirtualTime,
    private readonly send: Send,
    private readonly random: () => number,
  ) {
    this.ids = workers.map((_, worker) => `worker-${worker}`);
    this.replicas = Array.from({ length: options.replicas }, () => {
      const pool = new WorkerPool(POLICIES[options.strategy], DEFAULT_STATS_LIMITS, random);
      return {
        admission: new Admission(pool, time, DEFAULT_ADMISSION_LIMITS),
        budget: new RetryBudget(DEFAULT_RETRY_LIMITS),
      };
    });
    this.checks = new HealthChecks(workers, options.replicas, time, random, {
      lastServedMs: (replica, worker) => this.lastServedMs(replica, worker),
      changed: () => time.after(NOTIFY_MS, () => this.spread()),
    });
    this.spread();
  }

  /** When each worker's health last changed, and to what. */
  get verdicts(): readonly { readonly atMs: number; readonly worker: number; readonly health: string }[] {
    return this.checks.verdicts;
  }

  /** Ejections and recoveries so far, of all workers on all replicas. */
  get ejections(): number {
    return this.replicas
      .flatMap(({ admission }) => admission.workerPool.all)
      .reduce((sum, { epoch }) => sum + epoch, 0);
  }

  handle(request: Request, answer: (answer: Answer) => void): void {
    const replica = this.replicas[request.replica];
    if (replica === undefined) throw new RangeError('no such replica');
    replica.budget.countRequest(this.time.nowMs());
    const attempts = new RequestAttempts();
    const end = (how: Answer): void => {
      attempts.settle();
      answer(how);
    };
    this.attempt({ request, replica, tried: new Set(), attempts, failures: 0, end });
  }

  private attempt(call: Call): void {
    const { request, replica, tried, end } = call;
    const waiter = { tried: new Set(tried), affinityKey: request.affinityKey, deadlineMs: Infinity };
    replica.admission.enter(waiter, (result: AcquiredWorker | Rejection) => {
      if ('worker' in result) this.call(call, result);
      else end(tried.size === 0 ? 'turned_away' : 'error');
    });
  }

  private call(call: Call, acquired: AcquiredWorker): void {
    const { request, replica, tried, attempts, end } = call;
    const startedMs = this.time.nowMs();
    const worker = this.ids.indexOf(acquired.worker.id);
    tried.add(acquired.worker.id);
    this.send(worker, request, (callResult) => {
      const result = resultOf(callResult, this.time.nowMs() - startedMs, request.tokens);
      replica.admission.release(acquired, result);
      attempts.add(acquired, result, replica.admission);
      if (result.kind === 'success') return end('served');
      this.checks.hint(worker);
      this.retry(call, result);
    });
  }

  private retry(call: Call, { kind }: RequestResult): void {
    if (!this.options.retries) return call.end('error');
    if (kind === 'connect_error') return this.attempt(call);
    call.failures += 1;
    const inMs = nextAttemptInMs(call.failures, false, this.random, DEFAULT_RETRY_LIMITS);
    const isOver = call.tried.size >= this.ids.length || inMs === null;
    if (isOver || !call.replica.budget.take(this.time.nowMs())) call.end('error');
    else this.time.after(inMs, () => this.attempt(call));
  }

  private lastServedMs(replica: number, worker: number): number | null {
    return this.replicas[replica]?.admission.workerPool.all[worker]?.stats.lastSuccessMs ?? null;
  }

  /** The registry entry that every replica reads. */
  private spread(): void {
    const { concurrencyLimit, replicas } = this.options;
    for (const [rank, { admission }] of this.replicas.entries()) {
      const members = this.ids.map((id, worker): PoolMember => ({
        id,
        weight: 1,
        priority: 0,
        concurrencyLimit: concurrencyShare(concurrencyLimit, replicas, rank, textHash(id)),
        isEnabled: true,
        health: this.checks.healthOf(worker),
        generation: 1,
      }));
      admission.workerPool.update(members);
      admission.serveQueue();
    }
  }
}

function resultOf(callResult: CallResult, durationMs: number, units: number): RequestResult {
  switch (callResult) {
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
