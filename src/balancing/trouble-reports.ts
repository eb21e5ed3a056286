import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { LiveWorkers } from '../registry/live/live-workers.js';
import { type SeenTrouble, TroubleTable } from '../registry/live/trouble-table.js';
import { type Trouble, WorkerActivity } from '../registry/live/worker-activity.js';
import type { Worker } from '../registry/worker.js';
import { PeriodicTask } from '../replicas/periodic-task.js';
import type { Counter } from '../telemetry/families.js';
import { Metrics } from '../telemetry/metrics.js';
import { ModelPools } from './model-pools.js';

/** How soon others see what requests have shown. */
const REPORT_MS = 2_000;
/** The row of a trouble that goes on is written anew this often, with its last error. */
const RENEW_MS = 15_000;

/**
 * Reports to operators what requests show of workers: a log line each way, the table `worker_trouble`, and events. Requests
 * never wait for it.
 */
@Injectable()
export class TroubleReports implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Balancing');
  /** State and generation that were logged last, by worker. */
  private readonly known = new Map<string, string>();
  /** What the table does not have yet. */
  private readonly begun = new Set<string>();
  private readonly ended = new Set<string>();
  private readonly writtenMs = new Map<string, number>();
  private readonly rounds: PeriodicTask;
  private readonly ejections: Counter<'model' | 'cause'>;

  constructor(
    private readonly pools: ModelPools,
    private readonly live: LiveWorkers,
    private readonly activity: WorkerActivity,
    private readonly table: TroubleTable,
    metrics: Metrics,
  ) {
    this.ejections = metrics.counter(
      'mmm_worker_ejections_total',
      'Ejections of workers by this replica, by what requests showed.',
      ['model', 'cause'],
    );
    this.rounds = new PeriodicTask(async () => {
      await this.report();
      return REPORT_MS;
    });
  }

  onApplicationBootstrap(): void {
    this.rounds.runWithin(REPORT_MS);
  }

  /** The rows go with the replica's own. */
  async onApplicationShutdown(): Promise<void> {
    await this.rounds.stop();
  }

  private async report(): Promise<void> {
    const seen = this.seen();
    for (const [id, trouble] of seen) this.begin(id, trouble);
    for (const id of this.known.keys()) if (!seen.has(id)) this.end(id);
    const nowMs = performance.now();
    const due = [...seen.values()].filter(
      ({ worker: { id } }) => this.begun.has(id) || nowMs - (this.writtenMs.get(id) ?? 0) >= RENEW_MS,
    );
    if (due.length === 0 && this.ended.size === 0) return;
    try {
      await this.table.write(due, [...this.begun], [...this.ended]);
    } catch (error) {
      // The next round writes it.
      this.logger.debug(`worker_trouble not written: ${String(error)}`);
      return;
    }
    this.begun.clear();
    this.ended.clear();
    for (const { worker } of due) this.writtenMs.set(worker.id, nowMs);
  }

  /** The workers with a trouble now. */
  private seen(): ReadonlyMap<string, SeenTrouble> {
    const seen = new Map<string, SeenTrouble>();
    for (const id of this.pools.troubledWorkers()) {
      const worker = this.live.worker(id);
      const { trouble } = this.activity.of(id);
      if (worker !== undefined && trouble !== null) seen.set(id, { worker, trouble });
    }
    return seen;
  }

  private begin(id: string, { worker, trouble }: SeenTrouble): void {
    const key = `${trouble.state} ${worker.generation}`;
    if (this.known.get(id) === key) return;
    this.known.set(id, key);
    this.begun.add(id);
    this.ended.delete(id);
    this.logger.warn(describe(worker, trouble));
    if (trouble.state === 'ejected')
      this.ejections.add({ model: worker.modelName, cause: trouble.causeKind });
  }

  private end(id: string): void {
    this.known.delete(id);
    this.writtenMs.delete(id);
    this.begun.delete(id);
    this.ended.add(id);
    const worker = this.live.worker(id);
    if (worker !== undefined) this.logger.log(`${worker.modelName} (worker ${id}) serves requests again`);
  }
}

function describe({ modelName, id }: Worker, { state, cause, lastError, failures }: Trouble): string {
  const worker = `${modelName} (worker ${id})`;
  const last = lastError === '' ? '' : `; the last error: ${lastError}`;
  return state === 'ejected'
    ? `${worker} is ejected: ${cause}${last}`
    : `${worker} is failing: its last ${failures} requests failed${last}`;
}
