import { Admission } from '../../src/balancing/admission/admission.js';
import type { Rejection, Waiter } from '../../src/balancing/admission/waiter.js';
import type { Tenant } from '../../src/balancing/admission/tenant.js';
import { POLICIES } from '../../src/balancing/policies/strategies.js';
import type { AcquiredWorker } from '../../src/balancing/pool/acquired-worker.js';
import { WorkerPool } from '../../src/balancing/pool/worker-pool.js';
import { DEFAULT_ADMISSION_LIMITS, DEFAULT_STATS_LIMITS } from '../../src/config/tuning.js';
import { seededRandom } from '../../test/seeded-random.js';
import { TOKEN_MS } from './classes.js';
import { SimulatedSlots } from './simulated-slots.js';
import type { VirtualTime } from './virtual-time.js';

/** Replicas that share the workers of one model. */
export class TenantReplicas {
  private readonly admissions: readonly Admission[];
  private readonly shared: SimulatedSlots | null;
  private readonly ids: readonly string[];

  constructor(
    { workers, slots, replicas = 1 }: { workers: number; slots: number; replicas?: number },
    private readonly time: VirtualTime,
    seed: number,
  ) {
    this.ids = Array.from({ length: workers }, (_, at) => `worker-${at}`);
    this.admissions = Array.from({ length: replicas }, (_, at) => {
      const pool = new WorkerPool(POLICIES.least_load, DEFAULT_STATS_LIMITS, seededRandom(seed + 100 * at));
      return new Admission(pool, time, DEFAULT_ADMISSION_LIMITS, seededRandom(seed + 100 * at + 1));
    });
    this.shared =
      replicas === 1
        ? null
        : new SimulatedSlots(
            replicas,
            this.ids,
            slots,
            {},
            time,
            (replica) => this.loadOf(this.at(replica)),
            (replica) => this.follow(replica),
          );
    for (const replica of this.admissions.keys()) this.follow(replica, slots);
  }

  enter(replica: number, waiter: Waiter, answer: (result: AcquiredWorker | Rejection) => void): void {
    const admission = this.at(replica);
    admission.enter(waiter, answer);
    if (admission.queued === 1) this.shared?.waits(replica);
  }

  release(
    replica: number,
    acquired: AcquiredWorker,
    durationMs: number,
    by: Pick<Waiter, 'tenant' | 'priority'>,
  ): void {
    this.at(replica).release(acquired, { kind: 'success', durationMs, units: durationMs / TOKEN_MS }, by);
    this.shared?.ended(replica, acquired.worker.id, acquired.worker.inFlight + 1);
  }

  releaseCut(replica: number, acquired: AcquiredWorker, tenant: Tenant): void {
    this.at(replica).releaseCut(acquired, tenant);
    this.shared?.ended(replica, acquired.worker.id, acquired.worker.inFlight + 1);
  }

  private at(replica: number): Admission {
    const admission = this.admissions[replica];
    if (admission === undefined) throw new RangeError(`no replica ${replica}`);
    return admission;
  }

  private loadOf({ workerPool, queued, queues }: Admission) {
    return {
      inFlight: new Map(workerPool.all.map(({ id, inFlight }) => [id, inFlight] as const)),
      waiting: queued,
      tenants: queues.tenants(),
    };
  }

  private follow(replica: number, slots = 0): void {
    const admission = this.at(replica);
    const { shared } = this;
    admission.workerPool.update(
      this.ids.map((id) => ({
        id,
        weight: 1,
        priority: 0,
        concurrencyLimit: shared?.limitOf(replica, id) ?? slots,
        evenShare: shared?.evenShareAt(replica) ?? slots,
        isEnabled: true,
        health: 'healthy',
        generation: 1,
      })),
    );
    if (shared !== null) admission.queues.runElsewhere(shared.elsewhereOf(replica), this.time.nowMs());
    admission.serveQueue();
  }
}
