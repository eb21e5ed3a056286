import { Injectable } from '@nestjs/common';
import { LiveWorkers } from '../../registry/live/live-workers.js';
import { WorkerActivity } from '../../registry/live/worker-activity.js';
import { BUSY, type StartedJob, JobStarts } from './job-starts.js';
import { isPollWorker } from './poll-workers.js';

export interface Started {
  readonly jobs: readonly StartedJob[];
  /** Another replica is starting jobs of some model: try again in a moment. */
  readonly isBusy: boolean;
}

/** Starts what is queued, model by model. */
@Injectable()
export class QueuedStarts {
  constructor(
    private readonly starts: JobStarts,
    private readonly live: LiveWorkers,
    private readonly activity: WorkerActivity,
  ) {}

  /** @param room how many submits this replica may begin @throws DatabaseUnavailableError */
  async start(room: number): Promise<Started> {
    const jobs: StartedJob[] = [];
    let isBusy = false;
    for (const modelName of await this.starts.modelsWaiting()) {
      if (jobs.length >= room) break;
      const started = await this.startOf(modelName, room - jobs.length);
      if (started === BUSY) isBusy = true;
      else jobs.push(...started);
    }
    return { jobs, isBusy };
  }

  private startOf(modelName: string, room: number): Promise<readonly StartedJob[] | typeof BUSY> {
    const workers = this.live.model(modelName)?.workers.filter(isPollWorker) ?? [];
    if (workers.length === 0) return this.starts.startCalls(modelName, room);
    const usable = new Set(workers.filter(({ id }) => !this.isEjected(id)).map(({ id }) => id));
    return this.starts.start(modelName, room, (id) => usable.has(id));
  }

  /** By this replica's own requests, if the worker has any. */
  private isEjected(workerId: string): boolean {
    const until = this.activity.of(workerId).ejectedUntil;
    return until !== null && until.getTime() > Date.now();
  }
}
