import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { waitingIn } from './waiting-inside.js';

const METRIC = 'vllm:num_requests_waiting';

describe('The requests that wait inside a server', () => {
  it('are read from a page of metrics', () => {
    const page = `# HELP ${METRIC} Number of requests waiting to be processed.
# TYPE ${METRIC} gauge
${METRIC}{engine="0",model_name="llama"} 7.0
vllm:num_requests_running{engine="0",model_name="llama"} 64.0
${METRIC}_by_reason{reason="capacity"} 5.0
`;
    expect(waitingIn(page, METRIC)).toBe(7);
    expect(waitingIn('llamacpp:requests_deferred 2\n', 'llamacpp:requests_deferred')).toBe(2);
    expect(waitingIn('tgi_queue_size 3 1700000000000', 'tgi_queue_size')).toBe(3);
  });

  it.each([
    ['a page without it', 'other 1\n'],
    ['a name that only begins like it', `${METRIC}_total 4\n`],
    ['no number', `${METRIC} NaN\n`],
    ['a page of something else', '<html></html>'],
  ])('are unknown on %s', (_of, page) => {
    expect(waitingIn(page, METRIC)).toBeNull();
  });

  it('are the sum of all series, whatever their labels hold', () => {
    const label = fc.string().map((text) => JSON.stringify(text).replaceAll(/[^\x20-\x7e]/g, '?'));
    const series = fc.array(fc.tuple(label, fc.nat(1000)), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(series, (all) => {
        const page = all.map(([text, value]) => `${METRIC}{model_name=${text}} ${value}.0`).join('\n');
        expect(waitingIn(page, METRIC)).toBe(all.reduce((sum, [, value]) => sum + value, 0));
      }),
    );
  });
});
