import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterResult, type WorkerStats, EMPTY_STATS } from './worker-stats.js';
import { amountAt, ZERO, plus } from './averages.js';
import { DEFAULT_STATS_LIMITS as LIMITS } from './stats-limits.js';
import type { RequestResult } from '../request-result.js';
import { afterOutput, median, msPerToken, NO_OUTPUT, type OutputSpeed, relativeLatency } from './averages.js';
import { afterLatency, latencyAt, NO_LATENCY } from './averages.js';

const half = () => 0.5;
const learn = (
  before: WorkerStats,
  outcome: RequestResult,
  nowMs: number,
  epoch = before.circuit.epoch,
): WorkerStats => afterResult(before, { outcome, epoch, isLastAvailable: false }, nowMs, half, LIMITS);
const served: RequestResult = { kind: 'success', durationMs: 1000, units: 100 };
const failed: RequestResult = { kind: 'failure' };
const answers = fc.array(
  fc.record({
    afterMs: fc.nat({ max: 10_000 }),
    units: fc.integer({ min: 1, max: 5000 }),
    msPerUnit: fc.double({ min: 1, max: 50, noNaN: true }),
  }),
  { minLength: 1, maxLength: 50 },
);

describe('pace', () => {
  const paceOf = (list: readonly { afterMs: number; units: number; msPerUnit: number }[]): OutputSpeed => {
    let nowMs = 0;
    return list.reduce((pace, answer) => {
      nowMs += answer.afterMs;
      const durationMs = answer.units * answer.msPerUnit;
      return afterOutput(pace, { durationMs, units: answer.units }, nowMs, LIMITS.paceMs);
    }, NO_OUTPUT);
  };

  it('lies between the fastest and the slowest answer, from the first one on', () => {
    fc.assert(
      fc.property(answers, (list) => {
        const pace = msPerToken(paceOf(list)) ?? Number.NaN;
        const all = list.map((answer) => answer.msPerUnit);
        expect(pace).toBeGreaterThanOrEqual(Math.min(...all) * (1 - 1e-9));
        expect(pace).toBeLessThanOrEqual(Math.max(...all) * (1 + 1e-9));
      }),
    );
  });

  it('does not take long answers for a slow worker', () => {
    const short = paceOf([{ afterMs: 0, units: 10, msPerUnit: 20 }]);
    const long = paceOf([{ afterMs: 0, units: 5000, msPerUnit: 20 }]);
    expect(msPerToken(long)).toBe(msPerToken(short));
  });

  it('follows a change within its time constant', () => {
    const steady = Array.from({ length: 60 }, () => ({ afterMs: 1000, units: 100, msPerUnit: 10 }));
    const slower = Array.from({ length: 60 }, () => ({ afterMs: 1000, units: 100, msPerUnit: 40 }));
    expect(msPerToken(paceOf([...steady, ...slower]))).toBeGreaterThan(35);
  });

  it('learns nothing from an answer without output', () => {
    expect(afterOutput(NO_OUTPUT, { durationMs: 100, units: 0 }, 5, LIMITS.paceMs)).toBe(NO_OUTPUT);
    expect(relativeLatency(NO_OUTPUT, 10, 5, LIMITS.paceHalfLifeMs)).toBe(1);
  });

  it('as slowness stays within 0.25 to 8, and goes towards 1 while it is not seen', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 1e6, noNaN: true }),
        fc.double({ min: 0.001, max: 1e6, noNaN: true }),
        fc.nat({ max: 600_000 }),
        fc.nat({ max: 600_000 }),
        (own, usual, oneMs, otherMs) => {
          const pace = { timeMs: own, units: 1, atMs: 0 };
          const [sooner, later] = [oneMs, otherMs]
            .toSorted((a, b) => a - b)
            .map((atMs) => relativeLatency(pace, usual, atMs, LIMITS.paceHalfLifeMs));
          if (sooner === undefined || later === undefined) throw new Error('two');
          expect(sooner).toBeGreaterThanOrEqual(0.25);
          expect(sooner).toBeLessThanOrEqual(8);
          expect(Math.abs(later - 1)).toBeLessThanOrEqual(Math.abs(sooner - 1));
        },
      ),
    );
  });

  it('says little as long as little was done, so that a first connection makes nobody slow', () => {
    const ofMs = (timeMs: number, units: number) => relativeLatency({ timeMs, units, atMs: 0 }, 5, 0, 60_000);
    expect(ofMs(60, 1)).toBeLessThan(1.15);
    expect(ofMs(60 + 99 * 5, 100)).toBeLessThan(1.1);
    expect(ofMs(100 * 20, 100)).toBeGreaterThan(2.4);
    expect(ofMs(4 * 60_000, 12_000)).toBeGreaterThan(3.9);
  });

  it('is half forgotten after a minute', () => {
    const pace = { timeMs: 5e6, units: 1e6, atMs: 0 };
    expect(relativeLatency(pace, 1, 0, LIMITS.paceHalfLifeMs)).toBeCloseTo(5, 2);
    expect(relativeLatency(pace, 1, 60_000, LIMITS.paceHalfLifeMs)).toBeCloseTo(3, 2);
  });

  it('has the middle of all for what is usual', () => {
    expect([median([]), median([4]), median([1, 4]), median([9, 1, 4])]).toEqual([0, 4, 2.5, 4]);
  });
});

describe('what fades', () => {
  it('adds up, and halves in every half-life', () => {
    const twice = plus(plus(ZERO, 10, 0, 20_000), 10, 20_000, 20_000);
    expect(amountAt(twice, 20_000, 20_000)).toBe(15);
    expect(amountAt(twice, 60_000, 20_000)).toBe(3.75);
  });
});

describe('peak latency', () => {
  it('rises at once, falls slowly and fades when it is not seen', () => {
    const high = afterLatency(afterLatency(NO_LATENCY, 100, 0, 10_000), 900, 1, 10_000);
    expect(high.ms).toBe(900);
    expect(afterLatency(high, 100, 1001, 10_000).ms).toBeGreaterThan(800);
    expect(latencyAt(high, 10_001, 10_000)).toBeCloseTo(900 / Math.E, 3);
  });
});

describe('experience', () => {
  it('puts a price on every error, and a small one on 4xx', () => {
    expect(learn(EMPTY_STATS, failed, 0).penalty.amount).toBe(10);
    expect(learn(EMPTY_STATS, { kind: 'timeout' }, 0).penalty.amount).toBe(10);
    expect(learn(EMPTY_STATS, { kind: 'connect_error' }, 0).penalty.amount).toBe(10);
    expect(learn(EMPTY_STATS, { kind: 'caller_fault' }, 0).penalty.amount).toBe(0.1);
    expect(learn(EMPTY_STATS, { kind: 'no_verdict' }, 0)).toEqual(EMPTY_STATS);
  });

  it('puts no worker aside for long answers, callers’ mistakes, being busy or callers that hang up', () => {
    const harmless: RequestResult[] = [
      { kind: 'timeout' },
      { kind: 'caller_fault' },
      { kind: 'busy', retryAfterMs: 1000 },
      { kind: 'no_verdict' },
    ];
    for (const outcome of harmless) {
      const after = Array.from({ length: 20 }).reduce<WorkerStats>(
        (so) => learn(so, outcome, 0),
        EMPTY_STATS,
      );
      expect(after.circuit.ejectedFor).toBeNull();
    }
  });

  it('leaves a busy one alone as long as it asks, a minute at most, and never less than it asked before', () => {
    const asked = learn(EMPTY_STATS, { kind: 'busy', retryAfterMs: 20_000 }, 1000);
    expect(asked.throttledUntilMs).toBe(21_000);
    expect(learn(asked, { kind: 'busy', retryAfterMs: null }, 2000).throttledUntilMs).toBe(21_000);
    expect(learn(asked, { kind: 'busy', retryAfterMs: 3_600_000 }, 2000).throttledUntilMs).toBe(62_000);
  });

  it('learns nothing from what was under way when the worker was put aside', () => {
    const out = [0, 1, 2].reduce((so) => learn(so, failed, 0), EMPTY_STATS);
    expect(out.circuit.ejectedFor).toBe('failure');
    expect(learn(out, failed, 5000, 0)).toBe(out);
    expect(learn(out, served, 5000, 0).circuit).toBe(out.circuit);
    expect(learn(out, served, 5000, 0).lastSuccessMs).toBe(5000);
  });

  it('wipes the slate clean for one that passed its trials', () => {
    const out = [0, 1, 2].reduce((so) => learn(so, failed, 0), EMPTY_STATS);
    const back = learn(learn(out, served, 10_000), served, 11_000);
    expect(back.circuit.ejectedFor).toBeNull();
    expect(back.penalty.amount).toBe(0);
  });
});
