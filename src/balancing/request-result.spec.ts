import { describe, expect, it } from 'vitest';
import { UpstreamError } from '../upstream/failure.js';
import { NeutralError, UpstreamRejectedError } from '../upstream/upstream-errors.js';
import { resultOf } from './request-result.js';

describe('the result of a request', () => {
  it('is a failure when the answer is malformed', () => {
    expect(resultOf(new UpstreamError('bad_answer', 'no JSON'))).toEqual({ kind: 'failure' });
  });

  it('is neutral when only this one answer cannot be used', () => {
    expect(resultOf(new NeutralError('the model gave up'))).toEqual({ kind: 'neutral' });
  });

  it('is neutral when the error is not of an attempt', () => {
    expect(resultOf(new TypeError('a fault of our own'))).toEqual({ kind: 'neutral' });
  });

  it('has the Retry-After of a throttled worker', () => {
    expect(resultOf(new UpstreamRejectedError(503, { retryAfterMs: 7000 }))).toEqual({
      kind: 'throttled',
      retryAfterMs: 7000,
    });
    expect(resultOf(new UpstreamRejectedError(429))).toEqual({
      kind: 'throttled',
      retryAfterMs: null,
    });
  });
});
