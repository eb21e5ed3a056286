import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RateWindow } from '../pool/averages.js';
import { nextAttemptInMs, RetryBudget } from './retry-budget.js';
import { DEFAULT_RETRY_LIMITS as LIMITS } from '../../config/tuning.js';

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('a rate window', () => {
  it('counts the events of its time, give or take one slice', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 3000 }), { maxLength: 100 }), (gaps) => {
        const window = new RateWindow(10_000);
        const times: number[] = [];
        let nowMs = 0;
        for (const gap of gaps) {
          nowMs += gap;
          times.push(nowMs);
          window.add(nowMs);
          const count = window.count(nowMs);
          expect(count).toBeLessThanOrEqual(times.filter((at) => at > nowMs - 10_000).length);
          expect(count).toBeGreaterThanOrEqual(times.filter((at) => at > nowMs - 9000).length);
        }
        expect(window.count(nowMs + 10_000)).toBe(0);
      }),
    );
  });
});

describe('a retry budget', () => {
  it('gives at most a fifth of the requests of ten seconds, or ten', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ gapMs: fc.nat({ max: 500 }), retries: fc.nat({ max: 3 }) })),
        (requests) => {
          const budget = new RetryBudget(LIMITS);
          const taken: number[] = [];
          const requested: number[] = [];
          let nowMs = 0;
          for (const { gapMs, retries } of requests) {
            nowMs += gapMs;
            requested.push(nowMs);
            budget.countRequest(nowMs);
            for (let i = 0; i < retries; i++) if (budget.take(nowMs)) taken.push(nowMs);
            const within = (times: readonly number[], ms: number) =>
              times.filter((at) => at > nowMs - ms).length;
            expect(within(taken, 9000)).toBeLessThanOrEqual(Math.max(10, 0.2 * within(requested, 10_000)));
          }
        },
      ),
    );
  });

  it('always has ten', () => {
    const budget = new RetryBudget(LIMITS);
    budget.countRequest(0);
    for (let i = 0; i < 10; i++) expect(budget.take(0)).toBe(true);
    expect(budget.take(0)).toBe(false);
    expect(budget.take(11_000)).toBe(true);
  });
});

describe('the next attempt', () => {
  it('comes at once after a connect error, else within 50 ms × 2ⁿ, and at most twice', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), random, (attempts, chance) => {
        const inMs = nextAttemptInMs(attempts, false, () => chance, LIMITS);
        const atOnce = nextAttemptInMs(attempts, true, () => chance, LIMITS);
        expect([inMs === null, atOnce]).toEqual([attempts > 2, attempts > 2 ? null : 0]);
        expect(inMs ?? 0).toBeLessThan(50 * 2 ** (attempts - 1));
        expect(inMs ?? 0).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
