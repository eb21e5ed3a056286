import fc from 'fast-check';
import { Counter, Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { RequestDurations } from './request-durations.js';

const BUCKETS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];

const endings = fc.array(
  fc.record({
    model: fc.constantFrom('', 'llama', 'a "quoted\\ model\n'),
    errorType: fc.constantFrom(null, 'worker_error', 'caller_gone'),
    // Whole milliseconds, so that the sum does not depend on the order; the bounds themselves among them.
    seconds: fc.oneof(
      fc.integer({ min: 0, max: 200_000 }).map((ms) => ms / 1024),
      fc.constantFrom(...BUCKETS),
    ),
  }),
  { maxLength: 60 },
);

describe('RequestDurations', () => {
  it('tells a registry what prom-client’s own counter and histogram would', async () => {
    await fc.assert(
      fc.asyncProperty(endings, async (ended) => {
        const [ours, theirs] = [new Registry(), new Registry()];
        const durations = new RequestDurations();
        durations.registerWith(ours);
        const requests = new Counter({
          name: 'mmm_requests_total',
          help: 'x',
          labelNames: ['gen_ai_request_model', 'outcome'],
          registers: [theirs],
        });
        const histogram = new Histogram({
          name: 'gen_ai_server_request_duration_seconds',
          help: 'x',
          labelNames: ['gen_ai_request_model', 'error_type'],
          buckets: BUCKETS,
          registers: [theirs],
        });
        for (const { model, errorType, seconds } of ended) {
          durations.observe(model, errorType, seconds);
          requests.inc({ gen_ai_request_model: model, outcome: errorType ?? 'ok' });
          histogram.observe({ gen_ai_request_model: model, error_type: errorType ?? '' }, seconds);
        }
        expect(await samples(ours)).toEqual(await samples(theirs));
      }),
      { numRuns: 300 },
    );
  });
});

async function samples(registry: Registry): Promise<ReadonlyMap<string, number>> {
  const text = await registry.metrics();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('# HELP'));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      const value = Number(line.slice(end));
      // Sums are added up in another order.
      return [line.slice(0, end), Number.isNaN(value) ? NaN : Number(value.toFixed(9))] as const;
    }),
  );
}
