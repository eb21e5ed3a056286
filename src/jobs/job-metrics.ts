import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram } from 'prom-client';
import { LiveWorkers } from '../registry/live/live-workers.js';
import type { StatusReading } from '../registry/poll.js';
import { Metrics } from '../telemetry/metrics.js';
import { JobTable } from './job-table.js';
import type { Outcome } from './engine/worker-record.js';

/** Seconds; long work takes from seconds to an hour. */
const LONG_BUCKETS = [1, 2, 5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 5_120];
const LATE_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Figures of long work. Labels are bounded: registered models, fixed words. */
@Injectable()
export class JobMetrics {
  private readonly submits: Counter<'outcome'>;
  private readonly looks: Counter<'answer'>;
  private readonly ends: Counter<'model' | 'outcome'>;
  private readonly waits: Histogram<'model'>;
  private readonly ages: Histogram<'model'>;
  private readonly late: Histogram;

  constructor(
    { registry }: Metrics,
    private readonly live: LiveWorkers,
    table: JobTable,
  ) {
    const registers = [registry];
    const jobs: Gauge<'model' | 'state'> = new Gauge({
      name: 'mmm_jobs',
      help: 'Jobs that have not ended, of all replicas, by model and state.',
      labelNames: ['model', 'state'],
      registers,
      collect: async () => {
        // Without the database the figure is missing, rather than old.
        jobs.reset();
        for (const { model_name, state, n } of await table.counts().catch(() => []))
          jobs.inc({ model: this.label(model_name), state }, n);
      },
    });
    this.submits = new Counter({
      name: 'mmm_job_submits_total',
      help: 'Submits of jobs by what came of them.',
      labelNames: ['outcome'],
      registers,
    });
    this.looks = new Counter({
      name: 'mmm_job_looks_total',
      help: 'Looks at running jobs by what the upstream said.',
      labelNames: ['answer'],
      registers,
    });
    this.ends = new Counter({
      name: 'mmm_jobs_ended_total',
      help: 'Jobs that ended here, by model and outcome: succeeded or the error code.',
      labelNames: ['model', 'outcome'],
      registers,
    });
    this.waits = new Histogram({
      name: 'mmm_job_queue_seconds',
      help: 'Time from the creation of a job to its submit.',
      labelNames: ['model'],
      buckets: LONG_BUCKETS,
      registers,
    });
    this.ages = new Histogram({
      name: 'mmm_job_duration_seconds',
      help: 'Time from the creation of a job to its success.',
      labelNames: ['model'],
      buckets: LONG_BUCKETS,
      registers,
    });
    this.late = new Histogram({
      name: 'mmm_job_look_delay_seconds',
      help: 'How long after its time a job was looked at.',
      buckets: LATE_BUCKETS,
      registers,
    });
  }

  submitted(outcome: Outcome['kind'] | 'refused' | 'unknown'): void {
    this.submits.inc({ outcome });
  }

  started(modelName: string, waitedMs: number): void {
    this.waits.observe({ model: this.label(modelName) }, waitedMs / 1000);
  }

  looked(answer: StatusReading['kind'], lateMs: number): void {
    this.looks.inc({ answer });
    this.late.observe(Math.max(0, lateMs) / 1000);
  }

  ended(modelName: string, outcome: string, ageMs: number): void {
    const model = this.label(modelName);
    this.ends.inc({ model, outcome });
    if (outcome === 'succeeded') this.ages.observe({ model }, ageMs / 1000);
  }

  /** A model that was deleted meanwhile must not add a label for ever. */
  private label(modelName: string): string {
    return this.live.model(modelName) === undefined ? '' : modelName;
  }
}
