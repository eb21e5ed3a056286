import { describe, expect, it } from 'vitest';
import { rejectedForMs, retryAfterMs } from './retry-after.js';

const NOW = Date.parse('2026-11-27T04:00:00Z');

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['3', 3000],
    [' 120 ', 120_000],
    ['1.5', 1500],
    ['0.25', 250],
    ['Fri, 27 Nov 2026 04:00:05 GMT', 5000],
    ['Fri, 27 Nov 2026 03:59:00 GMT', 0],
  ])('%j waits %d ms', (value, ms) => {
    expect(retryAfterMs({ 'retry-after': value }, NOW)).toBe(ms);
  });

  it.each([undefined, '', '-1', '1.', '1e9', 'soon', '99999999999', '2026-11-27', ['3']])(
    '%j says nothing',
    (value) => {
      expect(retryAfterMs({ 'retry-after': value }, NOW)).toBeNull();
    },
  );

  it.each(['retry-after-ms', 'x-ms-retry-after-ms'])('gives way to %s, which is more exact', (name) => {
    expect(retryAfterMs({ [name]: '1500', 'retry-after': '2' }, NOW)).toBe(1500);
    expect(retryAfterMs({ [name]: 'soon', 'retry-after': '2' }, NOW)).toBe(2000);
  });
});

describe('a rejection without Retry-After', () => {
  it.each([
    ['x-ratelimit-remaining-requests', 'x-ratelimit-reset-requests', '1s', 1000],
    ['x-ratelimit-remaining-tokens', 'x-ratelimit-reset-tokens', '6m0s', 360_000],
    ['x-ratelimit-remaining-tokens', 'x-ratelimit-reset-tokens', '20ms', 20],
    ['x-ratelimit-remaining-tokens', 'x-ratelimit-reset-tokens', '2m59.56s', 179_560],
    ['x-ratelimit-remaining-tokens', 'x-ratelimit-reset-tokens', '7', 7000],
    [
      'anthropic-ratelimit-requests-remaining',
      'anthropic-ratelimit-requests-reset',
      '2026-11-27T04:00:09Z',
      9000,
    ],
    ['x-ratelimit-remaining', 'x-ratelimit-reset', String(NOW + 4000), 4000],
    ['ratelimit-remaining', 'ratelimit-reset', '30', 30_000],
  ])('waits until a limit that is used up is full again (%s, %s: %s)', (remaining, reset, value, ms) => {
    expect(rejectedForMs({ [remaining]: '0', [reset]: value }, null, NOW)).toBe(ms);
    expect(rejectedForMs({ [remaining]: '5', [reset]: value }, null, NOW)).toBeNull();
  });

  it('waits for the longest of several limits', () => {
    const headers = {
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': '1s',
      'x-ratelimit-remaining-tokens': '0',
      'x-ratelimit-reset-tokens': '3s',
    };
    expect(rejectedForMs(headers, null, NOW)).toBe(3000);
  });

  it("reads the time in the details of Google's errors", () => {
    const details = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '45.837906927s' }];
    const body = { error: { code: 429, status: 'RESOURCE_EXHAUSTED', details } };
    expect(rejectedForMs({}, body, NOW)).toBeCloseTo(45_837.906927, 3);
    expect(rejectedForMs({}, [body], NOW)).toBeCloseTo(45_837.906927, 3);
    expect(rejectedForMs({}, { error: { details: [{}] } }, NOW)).toBeNull();
  });
});
