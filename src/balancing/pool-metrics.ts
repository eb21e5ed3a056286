import type { Priority } from '../config/balancing-settings.js';
import type { Histogram, HistogramSeries } from '../telemetry/families.js';
import type { Metrics } from '../telemetry/metrics.js';

/** Seconds, up to the default of BALANCING_QUEUE_WAIT_MS and the usual longer ones. */
const WAIT_BUCKETS = [0.01, 0.1, 0.5, 2, 10, 30, 60, 300];

/** What the pools of all models count. */
export class PoolMetrics {
  private readonly waits: Histogram<'model'>;
  private readonly queued: Histogram<'model' | 'priority'>;
  private readonly cuts;
  private readonly lost;
  private readonly budget;
  private readonly affinity;

  constructor(metrics: Metrics) {
    this.waits = metrics.histogram(
      'mmm_queue_wait_seconds',
      'How long attempts waited for a worker, those that got one at once included; of models with a queue so far.',
      ['model'],
      WAIT_BUCKETS,
    );
    this.queued = metrics.histogram(
      'mmm_queue_seconds',
      'How long attempts that had to wait for a worker waited, by the class of the request.',
      ['model', 'priority'],
      WAIT_BUCKETS,
    );
    this.cuts = metrics.counter(
      'mmm_bulk_cuts_total',
      'Calls of bulk requests that were aborted to make room for another request.',
      ['model'],
    );
    this.lost = metrics.counter(
      'mmm_bulk_lost_seconds_total',
      'How long bulk requests had run when their calls were aborted to make room.',
      ['model'],
    );
    this.budget = metrics.counter(
      'mmm_retry_budget_total',
      'Retries that needed the retry budget of the model: spent, or refused because it was empty.',
      ['model', 'result'],
    );
    this.affinity = metrics.counter(
      'mmm_affinity_total',
      'Attempts that were sent by the key of their conversation: to the worker that is its home, or spilled to another one.',
      ['model', 'where'],
    );
  }

  waitsOf(model: string): QueueWaits {
    return new QueueWaits(
      () => this.waits.of({ model }),
      (priority) => this.queued.of({ model, priority }),
      (seconds) => {
        this.cuts.add({ model });
        this.lost.of({ model }).add(seconds);
      },
    );
  }

  countAffinity(model: string, isHome: boolean): void {
    this.affinity.add({ model, where: isHome ? 'home' : 'spilled' });
  }

  countRetry(model: string, granted: boolean): void {
    this.budget.add({ model, result: granted ? 'spent' : 'refused' });
  }
}

/** Until a request of the model waits, those served at once are only counted: most models never have a queue. */
export class QueueWaits {
  private atOnceBefore = 0;
  private series: HistogramSeries | null = null;
  private readonly byClass: Partial<Record<Priority, HistogramSeries>> = {};

  /** @param cut counts a bulk request that was cut after so many seconds */
  constructor(
    private readonly begin: () => HistogramSeries,
    private readonly beginOf: (priority: Priority) => HistogramSeries,
    readonly cut: (seconds: number) => void,
  ) {}

  /** A request got a worker without waiting. */
  atOnce(): void {
    if (this.series === null) this.atOnceBefore += 1;
    else this.series.observe(0);
  }

  waited(seconds: number, priority: Priority): void {
    if (this.series === null) {
      this.series = this.begin();
      this.series.observe(0, this.atOnceBefore);
      this.atOnceBefore = 0;
    }
    this.series.observe(seconds);
    this.byClass[priority] ??= this.beginOf(priority);
    this.byClass[priority].observe(seconds);
  }
}
