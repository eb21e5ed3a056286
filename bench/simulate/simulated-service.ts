import { Admission } from '../../src/balancing/admission/admission.js';
import { RequestAttempts } from '../../src/balancing/admission/request-attempts.js';
import type { Rejection } from '../../src/balancing/admission/waiter.js';
import {
  DEFAULT_ADMISSION_LIMITS,
  DEFAULT_RETRY_LIMITS,
  DEFAULT_STATS_LIMITS,
} from '../../src/config/tuning.js';
import { nextAttemptInMs, RetryBudget } from '../../src/balancing/admission/retry-budget.js';
import { POLICIES } from '../../src/balancing/policies/strategies.js';
import type { Strategy } from '../../src/config/balancing-settings.js';
import type { PoolMember } from '../../src/balancing/pool/pooled-worker.js';
import type { AcquiredWorker } from '../../src/balancing/pool/acquired-worker.js';
import { WorkerPool } from '../../src/balancing/pool/worker-pool.js';
import type { RequestResult } from '../../src/balancing/request-result.js';
import type { SlotLoad } from '../../src/replicas/slots/model-slots.js';

import { HealthChecks } from './health-checks.js';
import { type ReplicaFaults, SimulatedSlots } from './simulated-slots.js';
import type { CallResult, SimulatedWorker } from './simulated-worker.js';
import type { Answer, BalancingSystem, Request, Send } from './traffic.js';
import type { VirtualTime } from './virtual-time.js';

export interface ServiceOptions {
  readonly strategy: Strategy;
  readonly replicas: number;
  /** `max_concurrency` of each worker. */
  readonly concurrencyLimit: number;
  readonly retries: boolean;
  readonly faults: ReplicaFaults;
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
  private readonly slots: SimulatedSlots;
  private most = 0;

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
    this.slots = new SimulatedSlots(
      options.replicas,
      this.ids,
      options.concurrencyLimit,
      options.faults,
      time,
      (replica) => this.loadOf(replica),
      (replica) => this.spreadTo(replica),
    );
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

  /** The most requests that ran on one worker at once, of all replicas that live. */
  get mostOnWorker(): number {
    return this.most;
  }

  get exchanges(): number {
    return this.slots.exchanges;
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
    const waiter = { tried: new Set(tried), affinityKey: () => request.affinityKey, deadlineMs: Infinity };
    replica.admission.enter(waiter, (result: AcquiredWorker | Rejection) => {
      if ('worker' in result) this.call(call, result);
      else end(tried.size === 0 ? 'turned_away' : 'error');
    });
    if (replica.admission.queued === 1) this.slots.waits(request.replica);
  }

  private call(call: Call, acquired: AcquiredWorker): void {
    const { request, replica, tried, attempts, end } = call;
    const startedMs = this.time.nowMs();
    const worker = this.ids.indexOf(acquired.worker.id);
    this.observe(worker);
    tried.add(acquired.worker.id);
    this.send(worker, request, (callResult) => {
      const result = resultOf(callResult, this.time.nowMs() - startedMs, request.tokens);
      replica.admission.release(acquired, result);
      this.slots.ended(request.replica, acquired.worker.id, acquired.worker.inFlight + 1);
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

  private loadOf(replica: number): SlotLoad {
    const admission = this.replicas[replica]?.admission;
    const all = admission?.workerPool.all ?? [];
    return {
      inFlight: new Map(all.map(({ id, inFlight }) => [id, inFlight])),
      waiting: admission?.queued ?? 0,
      tenants: admission?.queues.tenants() ?? [],
    };
  }

  private observe(worker: number): void {
    let running = 0;
    for (const [replica, { admission }] of this.replicas.entries())
      if (this.slots.isAlive(replica)) running += admission.workerPool.all[worker]?.inFlight ?? 0;
    this.most = Math.max(this.most, running);
  }

  /** The registry entry that every replica reads. */
  private spread(): void {
    for (const replica of this.replicas.keys()) this.spreadTo(replica);
  }

  private spreadTo(replica: number): void {
    const admission = this.replicas[replica]?.admission;
    const members = this.ids.map((id, worker): PoolMember => ({
      id,
      weight: 1,
      priority: 0,
      concurrencyLimit: this.slots.limitOf(replica, id),
      evenShare: this.slots.evenShareAt(replica),
      isEnabled: true,
      health: this.checks.healthOf(worker),
      generation: 1,
    }));
    admission?.workerPool.update(members);
    admission?.serveQueue();
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
