import { describe, expect, it } from 'vitest';
import {
  errorTypeOf,
  FAILURES,
  type FailureKind,
  failureOf,
  kindOfStatus,
  UpstreamError,
} from './failure.js';

const kinds = Object.keys(FAILURES) as FailureKind[];

describe('the table of failures', () => {
  it.each(kinds)('has a name in retry_on for %s exactly if it is retried', (kind) => {
    const { retry, retryOn } = FAILURES[kind];
    expect(retryOn !== null).toBe(retry !== 'never');
  });

  it.each(kinds)('retries %s at once only after no work was done', (kind) => {
    const { retry, retryOn } = FAILURES[kind];
    expect(retry === 'at_once').toBe(retryOn === 'connection');
  });

  it('has a kind for every status from 100 to 599', () => {
    for (let status = 100; status <= 599; status += 1) {
      for (const hasRetryAfter of [true, false])
        expect(FAILURES).toHaveProperty(kindOfStatus(status, hasRetryAfter));
    }
  });

  it('distinguishes throttled from unavailable by Retry-After', () => {
    expect(FAILURES[kindOfStatus(503, true)].verdict).toBe('throttled');
    expect(FAILURES[kindOfStatus(503, false)].verdict).toBe('failure');
  });
});

describe('an error', () => {
  it('of an attempt reads its row', () => {
    const error = new UpstreamError('idle_timeout', 'silent');
    expect(failureOf(error)).toBe(FAILURES.idle_timeout);
    expect(errorTypeOf(error)).toBe('worker_timeout');
  });

  it('of the service itself has none', () => {
    expect(failureOf(new TypeError('oops'))).toBeNull();
    expect(errorTypeOf(new TypeError('oops'))).toBe('manager_internal');
  });
});
