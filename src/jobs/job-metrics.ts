import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { LiveWorkers } from '../registry/live/live-workers.js';
import type { StatusReading } from '../registry/poll.js';
import type { Counter, Histogram, Readings } from '../telemetry/families.js';
import { Metrics } from '../telemetry/metrics.js';
import { type JobCount, JobTable } from './job-table.js';
import type { Outcome } from './engine/worker-record.js';

/** Seconds; long work takes from seconds to an hour. */
const LONG_BUCKETS = [1, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600];
const LATE_BUCKETS = [0.1, 0.5, 1, 2.5, 5, 10, 30];
/** A scrape does not wait longer for the database. */
const COUNT_MS = 1_000;

/** Figures of long work. Labels are bounded: registered models, fixed words. */
@Injectable()
export class JobMetrics {
  private readonly submits: Counter<'outcome'>;
  private readonly looks: Counter<'answer'>;
  private readonly ends: Counter<'model' | 'outcome'>;
  private readonly waits: Histogram<'model'>;
  private readonly ages: Histogram<'model'>;
  private readonly late: Histogram<never>;
  private counted: readonly JobCount[] = [];

  constructor(
    metrics: Metrics,
    private readonly live: LiveWorkers,
    private readonly table: JobTable,
  ) {
    metrics.gaugeOf(
      'mmm_jobs',
      'Jobs that have not ended, by model and state; the same from every replica.',
      ['model', 'state'],
      async () => this.jobs(await this.count()),
    );
    metrics.gaugeOf(
      'mmm_job_oldest_queued_seconds',
      'How long the oldest queued job of a model has waited; the same from every replica.',
      ['model'],
      // Written just after `mmm_jobs`.
      () => this.oldest(this.counted),
    );
    this.submits = metrics.counter('mmm_job_submits_total', 'Submits of jobs by what came of them.', [
      'outcome',
    ]);
    this.looks = metrics.counter(
      'mmm_job_looks_total',
      'Looks at running jobs by what the upstream reported.',
      ['answer'],
    );
    this.ends = metrics.counter(
      'mmm_jobs_ended_total',
      'Jobs that ended here, by model and outcome: succeeded or the error code.',
      ['model', 'outcome'],
    );
    this.waits = metrics.histogram(
      'mmm_job_queue_seconds',
      'Time from the creation of a job to its submit.',
      ['model'],
      LONG_BUCKETS,
    );
    this.ages = metrics.histogram(
      'mmm_job_duration_seconds',
      'Time from the creation of a job to its success.',
      ['model'],
      LONG_BUCKETS,
    );
    this.late = metrics.histogram(
      'mmm_job_look_delay_seconds',
      'How long after its time a job was looked at.',
      [],
      LATE_BUCKETS,
    );
  }

  submitted(outcome: Outcome['kind'] | 'refused' | 'unknown'): void {
    this.submits.add({ outcome });
  }

  started(modelName: string, waitedMs: number): void {
    this.waits.of({ model: this.label(modelName) }).observe(waitedMs / 1000);
  }

  looked(answer: StatusReading['kind'], lateMs: number): void {
    this.looks.add({ answer });
    this.late.of({}).observe(Math.max(0, lateMs) / 1000);
  }

  ended(modelName: string, outcome: string, ageMs: number): void {
    const model = this.label(modelName);
    this.ends.add({ model, outcome });
    if (outcome === 'succeeded') this.ages.of({ model }).observe(ageMs / 1000);
  }

  private jobs(counts: readonly JobCount[]): Readings<'model' | 'state'> {
    // Models that were deleted meanwhile share one label.
    const sums = new Map<string, { readonly model: string; readonly state: string; count: number }>();
    for (const { model_name, state, n } of counts) {
      const model = this.label(model_name);
      const key = `${state} ${model}`;
      const sum = sums.get(key) ?? { model, state, count: 0 };
      sums.set(key, { ...sum, count: sum.count + n });
    }
    return [...sums.values()].map(({ model, state, count }) => [{ model, state }, count]);
  }

  private oldest(counts: readonly JobCount[]): Readings<'model'> {
    const oldest = new Map<string, number>();
    for (const { model_name, state, oldest_s } of counts) {
      const model = this.label(model_name);
      if (state === 'queued') oldest.set(model, Math.max(oldest_s, oldest.get(model) ?? 0));
    }
    return [...oldest].map(([model, seconds]) => [{ model }, seconds]);
  }

  /** Without the database the figures are missing, rather than old. */
  private async count(): Promise<readonly JobCount[]> {
    const late = sleep(COUNT_MS, [], { ref: false });
    this.counted = await Promise.race([this.table.counts(), late]).catch(() => []);
    return this.counted;
  }

  /** A model that was deleted meanwhile must not add a label for ever. */
  private label(modelName: string): string {
    return this.live.model(modelName) === undefined ? '' : modelName;
  }
}
