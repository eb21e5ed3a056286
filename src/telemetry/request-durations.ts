import type { Metric, Registry } from 'prom-client';
import type { ErrorType } from './error-type.js';

/** Seconds; OpenTelemetry's advice for gen_ai.server.request.duration, and two shorter for fast workers. */
const BUCKETS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
const DURATION = 'gen_ai_server_request_duration_seconds';

interface Sample {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** Requests of one model that ended alike. */
class Tally {
  count = 0;
  seconds = 0;
  /** Those no longer than the bucket, and longer than the one before. */
  readonly inBucket = BUCKETS.map(() => 0);

  constructor(
    readonly model: string,
    readonly errorType: ErrorType | null,
  ) {}

  add(seconds: number): void {
    this.count += 1;
    this.seconds += seconds;
    for (let at = 0; at < BUCKETS.length; at++) {
      if (seconds > (BUCKETS[at] ?? Infinity)) continue;
      this.inBucket[at] = (this.inBucket[at] ?? 0) + 1;
      return;
    }
  }
}

/**
 * How requests ended, and how long they took. Counted by hand and put into Prometheus' terms when somebody looks:
 * prom-client's own histogram makes strings of the labels and of a bucket for every request.
 */
export class RequestDurations {
  private readonly tallies = new Map<ErrorType | null, Map<string, Tally>>();

  observe(model: string, errorType: ErrorType | null, seconds: number): void {
    let ofModels = this.tallies.get(errorType);
    if (ofModels === undefined) this.tallies.set(errorType, (ofModels = new Map()));
    let tally = ofModels.get(model);
    if (tally === undefined) ofModels.set(model, (tally = new Tally(model, errorType)));
    tally.add(seconds);
  }

  registerWith(registry: Registry): void {
    const all = (): readonly Tally[] =>
      [...this.tallies.values()].flatMap((ofModels) => [...ofModels.values()]);
    const metrics = [
      {
        name: 'mmm_requests_total',
        help: 'Requests by model and outcome; outcome is ok or the error type.',
        type: 'counter',
        samples: () => all().map(countOf),
      },
      {
        name: DURATION,
        help: 'Time from the first byte of a request to the last byte of its answer.',
        type: 'histogram',
        samples: () => all().flatMap(durationsOf),
      },
    ];
    for (const { samples, ...metric } of metrics) {
      // All that a registry asks of a metric, whatever its type says.
      const read = { ...metric, get: () => Promise.resolve({ ...metric, values: samples() }) };
      registry.registerMetric(read as unknown as Metric);
    }
  }
}

function countOf({ model, errorType, count }: Tally): Sample {
  return { labels: { gen_ai_request_model: model, outcome: errorType ?? 'ok' }, value: count };
}

/** Each bucket with all that are shorter, as Prometheus wants it. */
function durationsOf({ model, errorType, count, seconds, inBucket }: Tally): readonly Sample[] {
  const labels = { gen_ai_request_model: model, error_type: errorType ?? '' };
  let upTo = 0;
  return [
    ...BUCKETS.map((le, at) => {
      upTo += inBucket[at] ?? 0;
      return { metricName: `${DURATION}_bucket`, labels: { le, ...labels }, value: upTo };
    }),
    { metricName: `${DURATION}_bucket`, labels: { le: '+Inf', ...labels }, value: count },
    { metricName: `${DURATION}_sum`, labels, value: seconds },
    { metricName: `${DURATION}_count`, labels, value: count },
  ];
}
