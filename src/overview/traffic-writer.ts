import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { WorkerAttempts } from '../balancing/worker-results.js';
import { LiveWorkers } from '../registry/live/live-workers.js';
import { TrafficTable } from '../registry/live/traffic-table.js';
import { WorkerActivity } from '../registry/live/worker-activity.js';
import { PeriodicTask } from '../replicas/periodic-task.js';
import { OverviewTable, type ReplicaLoad } from './overview-table.js';
import { MinuteSums, WorkerSums } from './traffic-sums.js';
import { add, Traffic } from './traffic.js';

/** How soon other replicas show what this one does. */
const WRITE_MS = 2_000;
/** Rows of `worker_traffic` that a replica writes in a second, on average, however many workers are busy. */
const ROWS_PER_SECOND = 200;
/** Rows of one statement. */
const BATCH_ROWS = 2_000;
const PURGE_MS = 600_000;

/** Writes what this replica does, and what its workers served, off the way of requests. Nothing, while it is idle. */
@Injectable()
export class TrafficWriter implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Overview');
  private readonly minutes = new MinuteSums();
  private readonly workers = new WorkerSums();
  private readonly rounds: PeriodicTask;
  private writtenLoad = '';
  private workersDueMs = 0;

  constructor(
    private readonly traffic: Traffic,
    private readonly attempts: WorkerAttempts,
    private readonly activity: WorkerActivity,
    private readonly live: LiveWorkers,
    private readonly table: OverviewTable,
    private readonly trafficTable: TrafficTable,
  ) {
    this.rounds = new PeriodicTask(async () => {
      this.gather();
      await this.write().catch((error: unknown) =>
        this.logger.debug(`traffic not written: ${String(error)}`),
      );
      return WRITE_MS;
    });
  }

  onApplicationBootstrap(): void {
    this.rounds.runWithin(WRITE_MS);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.rounds.stop();
    this.gather();
    this.minutes.close();
    this.workersDueMs = 0;
    await this.write().catch(() => {});
  }

  /** As it is now. */
  load(): ReplicaLoad {
    const { running, waiting } = this.activity.load();
    const minute = this.minutes.lastMinute(Date.now());
    add(minute, this.traffic.untaken);
    return { running, waiting, total: Object.values(running).reduce((sum, count) => sum + count, 0), minute };
  }

  @Interval(PURGE_MS)
  async purge(): Promise<void> {
    await Promise.all([this.table.purge(), this.trafficTable.purge()]).catch((error: unknown) =>
      this.logger.debug(`old figures of traffic were not deleted: ${String(error)}`),
    );
  }

  private gather(): void {
    const nowMs = Date.now();
    const { counts, ofWorkers } = this.traffic.take();
    const { total, waiting } = this.load();
    const waits = Object.values(waiting).reduce((sum, [count]) => sum + count, 0);
    this.minutes.add(counts, total, waits, nowMs);
    this.workers.add(this.attempts.take(), ofWorkers, nowMs);
  }

  private async write(): Promise<void> {
    const load = JSON.stringify(this.load());
    if (load !== this.writtenLoad && (await this.table.writeLoad(load))) this.writtenLoad = load;
    const minutes = this.minutes.unwritten;
    if (minutes.length > 0) {
      await this.table.writeMinutes(minutes);
      this.minutes.written(minutes, Date.now());
    }
    const nowMs = performance.now();
    if (nowMs < this.workersDueMs) return;
    this.workersDueMs = nowMs + Math.max(WRITE_MS, (1000 * this.workers.size) / ROWS_PER_SECOND);
    while (this.workers.size > 0) {
      const sums = this.workers.take(BATCH_ROWS);
      const rows = sums.flatMap((sum) => {
        const modelName = this.live.worker(sum.workerId)?.modelName;
        return modelName === undefined ? [] : [{ ...sum, modelName }];
      });
      await this.trafficTable.write(rows).catch((error: unknown) => {
        this.workers.restore(sums, Date.now());
        throw error;
      });
    }
  }
}
