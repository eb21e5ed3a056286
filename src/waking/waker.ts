import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DatabaseUnavailableError } from '../database/database-unavailable-error.js';
import { LiveWorkers } from '../registry/live/live-workers.js';
import { RegistrySync } from '../registry/live/registry-sync.js';
import { type ModelDemand, WorkerActivity } from '../registry/live/worker-activity.js';
import type { PowerCalls } from '../registry/power/power.js';
import { PowerNotes } from '../registry/power/power-notes.js';
import { isCallable, type Worker } from '../registry/worker.js';
import { PeriodicTask } from '../replicas/periodic-task.js';
import type { Counter, Histogram } from '../telemetry/families.js';
import { Metrics } from '../telemetry/metrics.js';
import { UpstreamClient } from '../upstream/upstream-client.js';
import { WakeLeases } from './wake-leases.js';
import { planWaking, type Wakeable } from './plan-waking.js';
import { recordWaking, type Waking, wakeUp } from './waking.js';

const TICK_MS = 250;
/** Between two claims for a model: what another replica woke is known here by then. */
const CLAIM_MS = 1_000;
/** Seconds. */
const WAKE_BUCKETS = [1, 2, 5, 10, 20, 30, 60, 120, 180, 300];

/** Wakes workers while requests of this replica wait for them. */
@Injectable()
export class Waker implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Power');
  private readonly stopping = new AbortController();
  private readonly ticks: PeriodicTask;
  private readonly running = new Map<
    string,
    { readonly done: Promise<void>; readonly end: AbortController }
  >();
  private readonly claimedMs = new Map<string, number>();
  private readonly wakes: Counter<'result'>;
  private readonly durations: Histogram<never>;
  private lookedMs = -Infinity;

  constructor(
    private readonly live: LiveWorkers,
    private readonly activity: WorkerActivity,
    private readonly leases: WakeLeases,
    private readonly notes: PowerNotes,
    private readonly sync: RegistrySync,
    private readonly client: UpstreamClient,
    metrics: Metrics,
  ) {
    this.ticks = new PeriodicTask(() => this.tick());
    live.onChange(({ workerIds }) => this.endUnwanted(workerIds));
    this.wakes = metrics.counter(
      'mmm_wakes_total',
      'Wakings of workers that this replica made, by result (ok, failed, lost: another replica took over).',
      ['result'],
    );
    this.durations = metrics.histogram(
      'mmm_wake_seconds',
      'How long wakings that succeeded took.',
      [],
      WAKE_BUCKETS,
    );
    metrics.gauge(
      'mmm_callers_held',
      'Requests that wait here while a worker of their model is asleep.',
      () => this.held(),
    );
  }

  onApplicationBootstrap(): void {
    this.ticks.runWithin(TICK_MS);
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.ticks.stop();
    await Promise.all([...this.running.values()].map(({ done }) => done));
  }

  private async tick(): Promise<number> {
    try {
      for (const demand of this.activity.demands()) await this.wakeFor(demand);
      await this.followOrders();
    } catch (error) {
      if (!(error instanceof DatabaseUnavailableError)) this.logger.error(error);
    }
    return TICK_MS;
  }

  private async wakeFor(demand: ModelDemand): Promise<void> {
    const { model: modelName } = demand;
    const claimedMs = this.claimedMs.get(modelName) ?? -Infinity;
    if (performance.now() - claimedMs < CLAIM_MS) return;
    const workers = (this.live.model(modelName)?.workers ?? []).map(wakeableOf);
    const plan = planWaking(workers, demand, (id) => demand.slotsOf(id), Date.now());
    if (plan === null) return;
    this.claimedMs.set(modelName, performance.now());
    const claimed = await this.leases.claim({ modelName, ...plan });
    if (claimed === null) await this.sync.reload(plan.ids);
    else this.begin(claimed);
  }

  /** Workers that were set to waking by hand, and those whose waker died. */
  private async followOrders(): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.lookedMs < CLAIM_MS) return;
    this.lookedMs = nowMs;
    const waking = this.live
      .workers()
      .filter(
        (worker) => worker.power?.state === 'waking' && canSleep(worker) && !this.running.has(worker.id),
      );
    if (waking.length === 0) return;
    const models = new Set(this.activity.demands().map(({ model }) => model));
    const ids = waking.map(({ id }) => id);
    const wanted = waking.filter(({ modelName }) => models.has(modelName)).map(({ id }) => id);
    const claimed = await this.leases.claimWaking(ids, wanted);
    if (claimed !== null) this.begin(claimed);
    else await this.leases.giveUp(ids);
  }

  private begin(id: string): void {
    if (this.running.has(id)) return;
    const end = new AbortController();
    const done = this.wake(id, AbortSignal.any([this.stopping.signal, end.signal]))
      .catch((error: unknown) => this.logger.error(error))
      .finally(() => this.running.delete(id));
    this.running.set(id, { done, end });
  }

  /** A worker that an operator takes out of use is not woken any further. */
  private endUnwanted(ids: readonly string[]): void {
    for (const id of ids) {
      const worker = this.live.worker(id);
      if (worker === undefined || !canSleep(worker)) this.running.get(id)?.end.abort();
    }
  }

  private async wake(id: string, stop: AbortSignal): Promise<void> {
    await this.sync.reload([id]).catch(() => {});
    const worker = this.live.worker(id);
    const power = worker === undefined ? null : powerCallsOf(worker);
    if (worker === undefined || power === null) return;
    // It may have been disabled while it was claimed.
    this.endUnwanted([id]);
    const what = `${worker.modelName} (worker ${id})`;
    this.logger.log(`waking ${what}`);
    const waking = await wakeUp(id, power, this.client, this.leases, stop);
    this.wakes.add({ result: waking.result });
    await this.record(worker, waking, stop);
    if (waking.result === 'ok') {
      this.durations.of({}).observe(waking.tookMs / 1000);
      this.logger.log(`${what} is awake after ${Math.round(waking.tookMs)} ms`);
    } else if (waking.result === 'failed') this.logger.warn(`waking ${what} failed: ${waking.reason}`);
    else this.logger.log(`no longer waking ${what}: another replica does, or it was taken out of use`);
    await this.sync.reload([id]).catch(() => {});
  }

  private async record(worker: Worker, { result, tookMs, reason }: Waking, stop: AbortSignal): Promise<void> {
    const { id } = worker;
    switch (result) {
      case 'ok': {
        // Requests that wait here go on, even while the database is away.
        const current = this.live.worker(id);
        if (current !== undefined) this.notes.show(current, 'awake', 'woken');
        await recordWaking(() => this.leases.woke(id, tookMs), stop);
        return;
      }
      case 'failed':
        await recordWaking(() => this.leases.failed(id, (worker.power?.failures ?? 0) + 1, reason), stop);
        return;
      case 'lost':
        if (!stop.aborted) return;
        await this.leases
          .leave(id, this.stopping.signal.aborted ? 'its replica stopped' : 'it was taken out of use')
          .catch(() => {});
    }
  }

  private held(): number {
    return this.activity
      .demands()
      .filter(({ model }) =>
        this.live.model(model)?.workers.some((worker) => canSleep(worker) && !isAwake(worker)),
      )
      .reduce((sum, { queued }) => sum + queued, 0);
  }
}

function powerCallsOf(worker: Worker): PowerCalls | null {
  return isCallable(worker) ? (worker.call.power ?? null) : null;
}

function canSleep(worker: Worker): boolean {
  return worker.power !== null && worker.adminState === 'enabled' && powerCallsOf(worker) !== null;
}

function isAwake({ power }: Worker): boolean {
  return power === null || power.state === 'awake';
}

function wakeableOf(worker: Worker): Wakeable {
  const { id, priority, power, health } = worker;
  const isInUse = worker.adminState === 'enabled' && isCallable(worker);
  return {
    id,
    priority,
    power: canSleep(worker) ? power : null,
    isUsable: isInUse && !(isAwake(worker) && health === 'unhealthy'),
  };
}
