import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { exposition, type Family } from './exposition.js';
import { Counter, Gauge, Histogram } from './families.js';
import { Metrics } from './metrics.js';
import { newFacts } from './request-facts.js';
import { acceptsGzip } from './scrape.js';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

describe('the text of a metric', () => {
  const shown = async (family: Family) => (await text(exposition([family]))).split('\n').slice(2, -1);

  it('escapes what a label may not hold, and writes numbers as Prometheus reads them', async () => {
    const readings = [
      [{ model: 'a "b"\\\n' }, Infinity],
      [{ model: 'c' }, NaN],
      [{ model: 'd' }, -0.5],
    ] as const;
    const gauge = new Gauge({ name: 'g', help: 'h', labelNames: ['model'] }, () => readings);
    expect(await shown(gauge)).toEqual([
      String.raw`g{model="a \"b\"\\\n"} +Inf`,
      'g{model="c"} NaN',
      'g{model="d"} -0.5',
    ]);
  });

  it('begins at 0 where there are no labels, with cumulative buckets', async () => {
    const histogram = new Histogram({ name: 'h', help: 'h', labelNames: [] }, [1, 2]);
    expect(await shown(histogram)).toEqual([
      'h_bucket{le="1"} 0',
      'h_bucket{le="2"} 0',
      'h_bucket{le="+Inf"} 0',
      'h_sum 0',
      'h_count 0',
    ]);
    for (const value of [1, 1.5, 9]) histogram.of({}).observe(value);
    expect(await shown(histogram)).toEqual([
      'h_bucket{le="1"} 1',
      'h_bucket{le="2"} 2',
      'h_bucket{le="+Inf"} 3',
      'h_sum 11.5',
      'h_count 3',
    ]);
  });

  it('does not depend on the order in which labels are given', async () => {
    const counter = new Counter({ name: 'c_total', help: 'h', labelNames: ['model', 'cause'] });
    counter.add({ model: 'm', cause: '429' });
    counter.add({ cause: '429', model: 'm' });
    expect(await shown(counter)).toEqual(['c_total{model="m",cause="429"} 2']);
  });
});

it('lets the event loop go on while thousands of series are written', async () => {
  const metrics = new Metrics();
  for (let at = 0; at < 2_000; at++) metrics.observe({ ...newFacts(), model: `m-${at}` }, 1);
  let turns = 0;
  let isWritten = false;
  const countTurn = (): void => {
    turns += 1;
    if (!isWritten) setImmediate(countTurn);
  };
  setImmediate(countTurn);
  const exposed = await text(metrics.text());
  isWritten = true;
  expect(exposed.match(/^mmm_requests_total/gm)).toHaveLength(2_000);
  // 2 MB in chunks of 64 KiB.
  expect(turns).toBeGreaterThanOrEqual(10);
});

describe('the series of models that are gone', () => {
  const seriesOf = async (metrics: Metrics, model: string): Promise<number> =>
    (await text(metrics.text())).split(`,model="${model}`).length - 1;

  function metricsOf(known: Set<string>): Metrics {
    const metrics = new Metrics();
    metrics.followModels((model) => known.has(model));
    return metrics;
  }

  it('are all dropped after an hour, of 2,000 models that were called once and deleted', async () => {
    const names = Array.from({ length: 2_000 }, (_, at) => `m-${at}`);
    const known = new Set(names);
    const metrics = metricsOf(known);
    const retries = metrics.counter('mmm_retries_total', 'h', ['model', 'cause']);
    const waits = metrics.histogram('mmm_queue_wait_seconds', 'h', ['model'], [1]);
    const answered = { ...newFacts(), firstEventMs: 5, inputTokens: 7, outputTokens: 3 };
    for (const model of names) {
      metrics.observe({ ...answered, model }, 1);
      retries.add({ model, cause: '500' });
      waits.of({ model }).observe(1);
    }
    metrics.observe({ ...newFacts(), errorType: 'caller_not_found' }, 1);
    known.clear();
    const before = await seriesOf(metrics, 'm-');
    expect(before).toBeGreaterThan(2_000 * 30);
    for (let nowMs = 0; nowMs < HOUR_MS; nowMs += MINUTE_MS) metrics.dropGoneModels(nowMs);
    expect(await seriesOf(metrics, 'm-')).toBe(before);
    metrics.dropGoneModels(HOUR_MS);
    expect(await seriesOf(metrics, 'm-')).toBe(0);
    // Requests without a model are no model that is gone.
    expect(await seriesOf(metrics, '"')).toBeGreaterThan(0);
  });

  it('stay when the model is back within the hour, and begin at 0 when it is back later', async () => {
    const known = new Set<string>();
    const metrics = metricsOf(known);
    const called = async () => {
      metrics.observe({ ...newFacts(), model: 'm' }, 1);
      return /mmm_requests_total\{model="m",outcome="ok"\} (\d+)/.exec(await text(metrics.text()))?.[1];
    };
    expect(await called()).toBe('1');
    metrics.dropGoneModels(0);
    known.add('m');
    metrics.dropGoneModels(HOUR_MS);
    expect(await called()).toBe('2');
    known.clear();
    metrics.dropGoneModels(2 * HOUR_MS - 1);
    expect(await called()).toBe('3');
    metrics.dropGoneModels(3 * HOUR_MS);
    expect(await called()).toBe('1');
  });
});

it.each<[boolean, string | undefined]>([
  [true, 'gzip'],
  [true, 'deflate, GZIP;q=0.5'],
  [true, '*'],
  [false, undefined],
  [false, 'br, identity'],
  [false, 'gzip;q=0'],
  [false, 'gzip; q=0.000'],
])('compresses (%s) for the Accept-Encoding %j', (expected, header) => {
  expect(acceptsGzip(header)).toBe(expected);
});
