import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blame, counts, type EndedAttempt, isAnswerFailure } from './blame.js';

const KINDS = [
  'success',
  'connect_error',
  'failure',
  'access_denied',
  'not_found',
  'timeout',
  'throttled',
  'client_fault',
  'credentials',
  'neutral',
] as const;
const anAttempt = fc.record({
  workerId: fc.constantFrom('a', 'b', 'c'),
  kind: fc.constantFrom<EndedAttempt['kind']>(...KINDS),
});
const attempts = fc.array(anAttempt, { maxLength: 6 });
const failure = (workerId: string): EndedAttempt => ({ workerId, kind: 'failure' });
const success = (workerId: string): EndedAttempt => ({ workerId, kind: 'success' });

describe('blame, for any attempts', () => {
  it('judges every failure by an answer and nothing else', () => {
    fc.assert(
      fc.property(attempts, (all) => {
        expect(blame(all).map((verdict) => verdict !== 'none')).toEqual(
          all.map(({ kind }) => isAnswerFailure(kind)),
        );
      }),
    );
  });

  it('blames every worker that failed when the request went well at a worker that did not', () => {
    fc.assert(
      fc.property(attempts, (all) => {
        const verdicts = blame([...all, success('other')]);
        expect(verdicts).not.toContain('request');
        expect(verdicts).not.toContain('unknown');
      }),
    );
  });

  it('blames no worker when the request failed at two workers and went well at none', () => {
    fc.assert(
      fc.property(attempts, (all) => {
        const unserved = all.filter(({ kind }) => kind !== 'success');
        const verdicts = blame([failure('x'), ...unserved, failure('y')]);
        expect(verdicts.filter((verdict) => verdict !== 'none')).toEqual(
          verdicts.flatMap((verdict) => (verdict === 'none' ? [] : ['request'])),
        );
      }),
    );
  });

  it('is unknown when no other worker answered', () => {
    const silent = attempts.map((all) =>
      all.filter(({ kind }) => ['connect_error', 'throttled', 'credentials', 'neutral'].includes(kind)),
    );
    fc.assert(
      fc.property(silent, (others) => {
        expect(blame([failure('x'), ...others])[0]).toBe('unknown');
      }),
    );
  });

  it('does not depend on the order of the attempts', () => {
    fc.assert(
      fc.property(attempts, (all) => {
        expect(blame(all.toReversed())).toEqual(blame(all).toReversed());
      }),
    );
  });
});

describe('blame', () => {
  it('finds the request at fault when a second worker rejects it as invalid or times out', () => {
    expect(blame([failure('a'), { workerId: 'b', kind: 'client_fault' }])).toEqual(['request', 'none']);
    expect(blame([failure('a'), { workerId: 'b', kind: 'timeout' }])).toEqual(['request', 'none']);
  });

  it('takes a model that another worker lacks for no explanation of a failure', () => {
    expect(blame([failure('a'), { workerId: 'b', kind: 'not_found' }])).toEqual(['unknown', 'request']);
  });

  it('compares no worker with itself', () => {
    expect(blame([failure('a'), failure('a')])).toEqual(['unknown', 'unknown']);
    expect(blame([failure('a'), success('a')])).toEqual(['unknown', 'none']);
  });
});

describe('a missing model', () => {
  it('counts only when another worker has it', () => {
    expect(counts('worker', 'not_found', { requests: 2, workers: 1 })).toBe(true);
    expect(counts('unknown', 'not_found', { requests: 0, workers: 1 })).toBe(false);
  });
});

describe('a failure that could not be compared', () => {
  it('counts unless recent compared failures were more often the requests’ fault', () => {
    expect(counts('unknown', 'failure', { requests: 0, workers: 0 })).toBe(true);
    expect(counts('unknown', 'failure', { requests: 1, workers: 1 })).toBe(true);
    expect(counts('unknown', 'failure', { requests: 2, workers: 1 })).toBe(false);
    expect(counts('worker', 'failure', { requests: 2, workers: 1 })).toBe(true);
    expect(counts('request', 'failure', { requests: 0, workers: 1 })).toBe(false);
  });
});
