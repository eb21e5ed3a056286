import type { ErrorType } from './error-type.js';
import type { Family } from './exposition.js';
import { Counter, type CounterSeries, Histogram, type HistogramSeries } from './families.js';
import { FIRST_TOKEN_BUCKETS } from './first-tokens.js';
import type { RequestFacts } from './request-facts.js';

/** Seconds, up to the default of REQUEST_TIMEOUT_MS. Fewer than OpenTelemetry's, which end at 82 s. */
const DURATION_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
/** A subset of OpenTelemetry's buckets for gen_ai.client.token.usage. */
const TOKEN_BUCKETS = [16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576];

/** `gen_ai_request_model` is OpenTelemetry's; with `model`, all metrics can be joined. */
const MODEL_LABELS = ['gen_ai_request_model', 'model'] as const;

interface OutcomeSeries {
  readonly requests: CounterSeries;
  readonly durations: HistogramSeries;
}

/** Found once for each model, not for each request. */
interface ModelSeries {
  readonly outcomes: Map<ErrorType | null, OutcomeSeries>;
  firstTokens: HistogramSeries | null;
  inputTokens: HistogramSeries | null;
  outputTokens: HistogramSeries | null;
}

/** The metrics of requests with a model: result, duration and tokens. */
export class RequestMetrics {
  private readonly requests = new Counter({
    name: 'mmm_requests_total',
    help: 'Requests by model and outcome; outcome is ok or the error type.',
    labelNames: ['model', 'outcome'],
  });
  private readonly durations = new Histogram(
    {
      name: 'gen_ai_server_request_duration_seconds',
      help: 'Time from the first byte of a request to the last byte of its answer.',
      labelNames: [...MODEL_LABELS, 'error_type'],
    },
    DURATION_BUCKETS,
  );
  private readonly firstTokens = new Histogram(
    {
      name: 'gen_ai_server_time_to_first_token_seconds',
      help: 'Time from the first byte of a request to the first event of its answer; of streams that succeeded.',
      labelNames: MODEL_LABELS,
    },
    FIRST_TOKEN_BUCKETS,
  );
  private readonly tokens = new Histogram(
    {
      name: 'gen_ai_client_token_usage',
      help: 'Tokens of a request, if its worker reports them.',
      labelNames: [...MODEL_LABELS, 'gen_ai_token_type'],
    },
    TOKEN_BUCKETS,
  );
  private readonly byModel = new Map<string, ModelSeries>();

  readonly families: readonly Family[] = [this.requests, this.durations, this.firstTokens, this.tokens];

  observe(facts: RequestFacts, seconds: number): void {
    const model = facts.model ?? '';
    const { errorType, firstEventMs, inputTokens, outputTokens } = facts;
    const series = this.of(model);
    const { requests, durations } = series.outcomes.get(errorType) ?? this.outcome(series, model, errorType);
    requests.add();
    durations.observe(seconds);
    if (firstEventMs !== null && errorType === null)
      (series.firstTokens ??= this.firstTokens.of(named(model))).observe(firstEventMs / 1000);
    if (inputTokens !== null)
      (series.inputTokens ??= this.tokens.of({ ...named(model), gen_ai_token_type: 'input' })).observe(
        inputTokens,
      );
    if (outputTokens !== null)
      (series.outputTokens ??= this.tokens.of({ ...named(model), gen_ai_token_type: 'output' })).observe(
        outputTokens,
      );
  }

  /** Besides the series themselves, which their families drop. */
  drop(isGone: (model: string) => boolean): void {
    for (const model of this.byModel.keys()) if (isGone(model)) this.byModel.delete(model);
  }

  private of(model: string): ModelSeries {
    let series = this.byModel.get(model);
    if (series === undefined) {
      series = { outcomes: new Map(), firstTokens: null, inputTokens: null, outputTokens: null };
      this.byModel.set(model, series);
    }
    return series;
  }

  private outcome({ outcomes }: ModelSeries, model: string, errorType: ErrorType | null): OutcomeSeries {
    const series = {
      requests: this.requests.of({ model, outcome: errorType ?? 'ok' }),
      durations: this.durations.of({ ...named(model), error_type: errorType ?? '' }),
    };
    outcomes.set(errorType, series);
    return series;
  }
}

function named(model: string) {
  return { gen_ai_request_model: model, model };
}
