import { describe, expect, it } from 'vitest';
import { NeutralError } from '../upstream/upstream-errors.js';
import { UpstreamError } from '../upstream/failure.js';
import { resultOf } from './request-result.js';

describe('what an answer that cannot be used tells of its worker', () => {
  it('is that it failed, where it is garbled', () => {
    const garbled = new UpstreamError('bad_answer', 'no JSON');
    expect(resultOf(garbled)).toEqual({ kind: 'failure' });
  });

  it('is nothing, where only this one answer went wrong', () => {
    expect(resultOf(new NeutralError('the model gave up'))).toEqual({ kind: 'neutral' });
  });
});
