import { describe, expect, it } from 'vitest';
import {
  errorTypeOf,
  FAILURES,
  type FailureKind,
  failureOf,
  kindOfStatus,
  mayClientRetry,
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
    expect(retry === 'at_once').toBe(retryOn === 'connection' || retryOn === '404');
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

describe('the statuses of proxies', () => {
  // https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/
  it.each([520, 521, 522, 523, 525, 526, 527, 530])('take %i for a server that was not reached', (status) => {
    expect(kindOfStatus(status, false)).toBe('bad_gateway');
  });

  it.each([408, 504, 524, 598, 599])('take %i for a server that was too slow', (status) => {
    expect(kindOfStatus(status, false)).toBe('gateway_timeout');
  });

  it.each([498, 529])('take %i for a server without capacity', (status) => {
    expect(kindOfStatus(status, false)).toBe('overloaded');
  });
});

describe('a client', () => {
  it('is kept from trying again only where that would repeat what was tried', () => {
    expect(mayClientRetry(FAILURES.throttled, 3)).toBe(true);
    expect(mayClientRetry(FAILURES.internal_error, 1)).toBe(true);
    expect(mayClientRetry(FAILURES.internal_error, 2)).toBe(false);
    expect(mayClientRetry(FAILURES.request_rejected, 1)).toBe(false);
    expect(mayClientRetry(FAILURES.credentials_rejected, 1)).toBe(false);
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
