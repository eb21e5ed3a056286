import { describe, expect, it } from 'vitest';
import { retryAfterMs } from './headers.js';

const NOW = Date.parse('2026-11-27T04:00:00Z');

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['3', 3000],
    [' 120 ', 120_000],
    ['Fri, 27 Nov 2026 04:00:05 GMT', 5000],
    ['Fri, 27 Nov 2026 03:59:00 GMT', 0],
  ])('%j waits %d ms', (value, ms) => {
    expect(retryAfterMs({ 'retry-after': value }, NOW)).toBe(ms);
  });

  it.each([undefined, '', '-1', '1.5', '1e9', 'soon', '99999999999', '2026-11-27', ['3']])(
    '%j says nothing',
    (value) => {
      expect(retryAfterMs({ 'retry-after': value }, NOW)).toBeNull();
    },
  );
});
