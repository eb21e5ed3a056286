import { Injectable, Logger } from '@nestjs/common';
import { JobSettings } from '../../../config/job-settings.js';
import type { Job } from '../../../jobs/job.js';
import { JobClients } from '../../../jobs/job-clients.js';
import { Jobs } from '../../../jobs/jobs.service.js';
import { LiveWorkers } from '../../../registry/live/live-workers.js';
import type { Worker } from '../../../registry/worker.js';

/** Cancels jobs whose clients disconnected, where the worker has `on_disconnect: abort` and no other client waits. */
@Injectable()
export class HangUps {
  private readonly logger = new Logger('Jobs');
  private readonly returnMs: number;
  /** How many clients of this replica wait for a job. */
  private readonly waiting = new Map<string, number>();

  constructor(
    private readonly jobs: Jobs,
    private readonly clients: JobClients,
    private readonly live: LiveWorkers,
    { returnMs }: JobSettings,
  ) {
    this.returnMs = returnMs;
  }

  /** A client waits for the job. @returns call it when it no longer does */
  enter(id: string): () => void {
    this.waiting.set(id, (this.waiting.get(id) ?? 0) + 1);
    return () => {
      const left = (this.waiting.get(id) ?? 1) - 1;
      if (left > 0) this.waiting.set(id, left);
      else this.waiting.delete(id);
    };
  }

  /** A client disconnected. @param mayReturn it may retry */
  left(job: Job, requestId: string, mayReturn: boolean): void {
    if (mayReturn) setTimeout(() => void this.cancel(job, requestId), this.returnMs).unref();
    else void this.cancel(job, requestId);
  }

  private async cancel({ id, modelName }: Job, requestId: string): Promise<void> {
    if (this.waiting.has(id)) return;
    try {
      if (!(await this.clients.isLast(id, requestId))) return;
      const job = await this.jobs.find(id);
      if (job === null) return;
      if (isKept(job.workerId, this.live.model(modelName)?.workers ?? [])) return;
      await this.jobs.cancel(id, 'client disconnected');
    } catch (error) {
      this.logger.warn(`job ${id} goes on though its client disconnected: ${String(error)}`);
    }
  }
}

/** Of the worker that has the job; before it has one, all must agree to keep it, since nothing is spent yet. */
export function isKept(
  workerId: string | null,
  workers: readonly Pick<Worker, 'id' | 'onDisconnect'>[],
): boolean {
  const own = workers.filter(({ id }) => id === workerId);
  const deciding = own.length > 0 ? own : workers;
  return deciding.length > 0 && deciding.every(({ onDisconnect }) => onDisconnect === 'finish');
}
