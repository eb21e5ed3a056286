import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { Counter, Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { exposition } from './exposition.js';
import { newFacts, type RequestFacts } from './request-facts.js';
import { RequestMetrics } from './request-metrics.js';

const SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
const FIRST_TOKEN_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const TOKENS = [16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576];

/** Multiples of 1/1024, so that a sum does not depend on the order; including the bounds of buckets. */
const seconds = (bounds: readonly number[]) =>
  fc.oneof(
    fc.integer({ min: 0, max: 1_000_000 }).map((ms) => ms / 1024),
    fc.constantFrom(...bounds),
  );
const tokens = fc.option(fc.oneof(fc.nat(100_000_000), fc.constantFrom(...TOKENS)));

const endings = fc.array(
  fc.record({
    model: fc.constantFrom(null, 'llama', 'a "quoted\\ model\n'),
    errorType: fc.constantFrom(null, 'worker_error', 'caller_gone'),
    seconds: seconds(SECONDS),
    firstEventMs: fc.option(seconds(FIRST_TOKEN_SECONDS).map((of) => of * 1000)),
    inputTokens: tokens,
    outputTokens: tokens,
  }),
  { maxLength: 60 },
);

describe('RequestMetrics', () => {
  it('reports the same samples as prom-client’s own counter and histograms', async () => {
    await fc.assert(
      fc.asyncProperty(endings, async (ended) => {
        const figures = new RequestMetrics();
        const theirs = new PromClientMetrics();
        for (const { seconds: took, ...facts } of ended) {
          figures.observe({ ...newFacts(), ...facts }, took);
          theirs.observe({ ...newFacts(), ...facts }, took);
        }
        const ours = await text(exposition(figures.families));
        expect(samples(ours)).toEqual(samples(await theirs.registry.metrics()));
      }),
      { numRuns: 200 },
    );
  });
});

class PromClientMetrics {
  readonly registry = new Registry();
  private readonly requests = new Counter({
    name: 'mmm_requests_total',
    help: 'x',
    labelNames: ['model', 'outcome'],
    registers: [this.registry],
  });
  private readonly durations = this.histogram(
    'gen_ai_server_request_duration_seconds',
    SECONDS,
    'error_type',
  );
  private readonly firstTokens = this.histogram(
    'gen_ai_server_time_to_first_token_seconds',
    FIRST_TOKEN_SECONDS,
  );
  private readonly tokens = this.histogram('gen_ai_client_token_usage', TOKENS, 'gen_ai_token_type');

  observe({ model, errorType, firstEventMs, inputTokens, outputTokens }: RequestFacts, took: number): void {
    const of = { gen_ai_request_model: model ?? '', model: model ?? '' };
    this.requests.inc({ model: of.model, outcome: errorType ?? 'ok' });
    this.durations.observe({ ...of, error_type: errorType ?? '' }, took);
    if (errorType === null && firstEventMs !== null) this.firstTokens.observe(of, firstEventMs / 1000);
    if (inputTokens !== null) this.tokens.observe({ ...of, gen_ai_token_type: 'input' }, inputTokens);
    if (outputTokens !== null) this.tokens.observe({ ...of, gen_ai_token_type: 'output' }, outputTokens);
  }

  private histogram(name: string, buckets: readonly number[], ...labels: readonly string[]): Histogram {
    return new Histogram({
      name,
      help: 'x',
      labelNames: ['gen_ai_request_model', 'model', ...labels],
      buckets: [...buckets],
      registers: [this.registry],
    });
  }
}

function samples(exposed: string): ReadonlyMap<string, number> {
  const lines = exposed.split('\n').filter((line) => line !== '' && !line.startsWith('# HELP'));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      const value = Number(line.slice(end));
      // The sums are added in another order.
      return [line.slice(0, end), Number.isNaN(value) ? NaN : Number(value.toFixed(9))] as const;
    }),
  );
}
