import type { Metric, Registry } from 'prom-client';
import type { ErrorType } from './error-type.js';
import type { RequestFacts } from './request-facts.js';

/** Seconds; OpenTelemetry's buckets for gen_ai.server.request.duration, and two shorter ones for fast workers. */
const DURATION_BUCKETS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];

/** Seconds; OpenTelemetry's buckets for gen_ai.server.time_to_first_token. */
const FIRST_TOKEN_BUCKETS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

/** OpenTelemetry's buckets for gen_ai.client.token.usage. */
const TOKEN_BUCKETS = [
  1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864,
];

/** The metrics of requests with a model: result, duration and tokens. */
export class RequestMetrics {
  private readonly durations = new ModelHistogram<ErrorType | null>({
    name: 'gen_ai_server_request_duration_seconds',
    help: 'Time from the first byte of a request to the last byte of its answer.',
    buckets: DURATION_BUCKETS,
    label: 'error_type',
  });
  private readonly firstTokens = new ModelHistogram<null>({
    name: 'gen_ai_server_time_to_first_token_seconds',
    help: 'Time from the first byte of a request to the first event of its answer; of streams that succeeded.',
    buckets: FIRST_TOKEN_BUCKETS,
    label: null,
  });
  private readonly tokens = new ModelHistogram<'input' | 'output'>({
    name: 'gen_ai_client_token_usage',
    help: 'Tokens of a request, if its worker reports them.',
    buckets: TOKEN_BUCKETS,
    label: 'gen_ai_token_type',
  });

  observe(
    { model, errorType, firstEventMs, inputTokens, outputTokens }: RequestFacts,
    seconds: number,
  ): void {
    const of = model ?? '';
    this.durations.observe(of, errorType, seconds);
    if (firstEventMs !== null && errorType === null) this.firstTokens.observe(of, null, firstEventMs / 1000);
    if (inputTokens !== null) this.tokens.observe(of, 'input', inputTokens);
    if (outputTokens !== null) this.tokens.observe(of, 'output', outputTokens);
  }

  registerWith(registry: Registry): void {
    register(registry, {
      name: 'mmm_requests_total',
      help: 'Requests by model and outcome; outcome is ok or the error type.',
      type: 'counter',
      samples: () =>
        this.durations.tallies().map(({ model, kind, count }) => ({
          labels: { gen_ai_request_model: model, outcome: kind ?? 'ok' },
          value: count,
        })),
    });
    for (const histogram of [this.durations, this.firstTokens, this.tokens]) {
      const { name, help } = histogram.about;
      register(registry, { name, help, type: 'histogram', samples: () => histogram.samples() });
    }
  }
}

interface Figures {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'histogram';
  readonly samples: () => readonly Sample[];
}

function register(registry: Registry, { samples, ...metric }: Figures): void {
  // All that a registry calls on a metric, whatever its type says.
  const read = { ...metric, get: () => Promise.resolve({ ...metric, values: samples() }) };
  registry.registerMetric(read as unknown as Metric);
}

/** One sample of Prometheus' text format. */
export interface Sample {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

interface HistogramAbout {
  readonly name: string;
  readonly help: string;
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[];
  /** The label besides the model; `null`: none. */
  readonly label: string | null;
}

/** The observations of one model and label value. */
interface Tally<Kind> {
  readonly model: string;
  readonly kind: Kind;
  count: number;
  sum: number;
  /** Observations within each bucket, not cumulative. */
  readonly inBucket: number[];
}

/**
 * A histogram by model and one more label. Counted here and converted to Prometheus' format at each scrape: prom-client's
 * own histogram makes strings of the labels and a bucket for every observation.
 */
export class ModelHistogram<Kind extends string | null> {
  private readonly byKind = new Map<Kind, Map<string, Tally<Kind>>>();

  constructor(readonly about: HistogramAbout) {}

  observe(model: string, kind: Kind, value: number): void {
    let ofModels = this.byKind.get(kind);
    if (ofModels === undefined) this.byKind.set(kind, (ofModels = new Map()));
    let tally = ofModels.get(model);
    if (tally === undefined) {
      tally = { model, kind, count: 0, sum: 0, inBucket: this.about.buckets.map(() => 0) };
      ofModels.set(model, tally);
    }
    tally.count += 1;
    tally.sum += value;
    for (let at = 0; at < tally.inBucket.length; at++) {
      if (value > (this.about.buckets[at] ?? Infinity)) continue;
      tally.inBucket[at] = (tally.inBucket[at] ?? 0) + 1;
      return;
    }
  }

  tallies(): readonly Readonly<Pick<Tally<Kind>, 'model' | 'kind' | 'count'>>[] {
    return this.all();
  }

  samples(): readonly Sample[] {
    return this.all().flatMap((tally) => this.samplesOf(tally));
  }

  private all(): readonly Tally<Kind>[] {
    return [...this.byKind.values()].flatMap((ofModels) => [...ofModels.values()]);
  }

  /** The cumulative buckets of Prometheus. */
  private samplesOf({ model, kind, count, sum, inBucket }: Tally<Kind>): readonly Sample[] {
    const { name, buckets, label } = this.about;
    const labels = { gen_ai_request_model: model, ...(label === null ? {} : { [label]: kind ?? '' }) };
    let upTo = 0;
    return [
      ...buckets.map((le, at) => {
        upTo += inBucket[at] ?? 0;
        return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: upTo };
      }),
      { metricName: `${name}_bucket`, labels: { le: '+Inf', ...labels }, value: count },
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: count },
    ];
  }
}
