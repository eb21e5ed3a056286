import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RequestResult } from '../request-result.js';
import {
  afterLatency,
  afterOutput,
  amountAt,
  latencyAt,
  median,
  msPerToken,
  NO_LATENCY,
  NO_OUTPUT,
  type OutputSpeed,
  plus,
  relativeLatency,
  ZERO,
} from './averages.js';
import { afterFailure, phaseOf } from './circuit.js';
import { DEFAULT_STATS_LIMITS as LIMITS } from '../../config/tuning.js';
import { afterComingUp, afterResult, EMPTY_STATS, type WorkerStats } from './worker-stats.js';

const half = () => 0.5;
const record = (
  before: WorkerStats,
  result: RequestResult,
  nowMs: number,
  epoch = before.circuit.epoch,
): WorkerStats => afterResult(before, { result, epoch, isLastAvailable: false }, nowMs, half, LIMITS);
const served: RequestResult = { kind: 'success', durationMs: 1000, units: 100 };
const answers = fc.array(
  fc.record({
    afterMs: fc.nat({ max: 10_000 }),
    units: fc.integer({ min: 1, max: 5000 }),
    msPerUnit: fc.double({ min: 1, max: 50, noNaN: true }),
  }),
  { minLength: 1, maxLength: 50 },
);

describe('output speed', () => {
  const speedOf = (list: readonly { afterMs: number; units: number; msPerUnit: number }[]): OutputSpeed => {
    let nowMs = 0;
    return list.reduce((speed, answer) => {
      nowMs += answer.afterMs;
      const durationMs = answer.units * answer.msPerUnit;
      return afterOutput(speed, { durationMs, units: answer.units }, nowMs, LIMITS.speedMs);
    }, NO_OUTPUT);
  };

  it('lies between the fastest and the slowest answer, from the first one on', () => {
    fc.assert(
      fc.property(answers, (list) => {
        const speed = msPerToken(speedOf(list)) ?? Number.NaN;
        const all = list.map((answer) => answer.msPerUnit);
        expect(speed).toBeGreaterThanOrEqual(Math.min(...all) * (1 - 1e-9));
        expect(speed).toBeLessThanOrEqual(Math.max(...all) * (1 + 1e-9));
      }),
    );
  });

  it('does not take long answers for a sign of a slow worker', () => {
    const short = speedOf([{ afterMs: 0, units: 10, msPerUnit: 20 }]);
    const long = speedOf([{ afterMs: 0, units: 5000, msPerUnit: 20 }]);
    expect(msPerToken(long)).toBe(msPerToken(short));
  });

  it('follows a change within its time constant', () => {
    const steady = Array.from({ length: 60 }, () => ({ afterMs: 1000, units: 100, msPerUnit: 10 }));
    const slower = Array.from({ length: 60 }, () => ({ afterMs: 1000, units: 100, msPerUnit: 40 }));
    expect(msPerToken(speedOf([...steady, ...slower]))).toBeGreaterThan(35);
  });

  it('ignores an answer without output', () => {
    expect(afterOutput(NO_OUTPUT, { durationMs: 100, units: 0 }, 5, LIMITS.speedMs)).toBe(NO_OUTPUT);
    expect(relativeLatency(NO_OUTPUT, 10, 5, LIMITS.speedHalfLifeMs)).toBe(1);
  });

  it('gives a relative latency from 0.25 to 8 that goes towards 1 while the worker is not used', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 1e6, noNaN: true }),
        fc.double({ min: 0.001, max: 1e6, noNaN: true }),
        fc.nat({ max: 600_000 }),
        fc.nat({ max: 600_000 }),
        (own, usual, oneMs, otherMs) => {
          const speed = { timeMs: own, units: 1, atMs: 0 };
          const [sooner, later] = [oneMs, otherMs]
            .toSorted((a, b) => a - b)
            .map((atMs) => relativeLatency(speed, usual, atMs, LIMITS.speedHalfLifeMs));
          if (sooner === undefined || later === undefined) throw new Error('two');
          expect(sooner).toBeGreaterThanOrEqual(0.25);
          expect(sooner).toBeLessThanOrEqual(8);
          expect(Math.abs(later - 1)).toBeLessThanOrEqual(Math.abs(sooner - 1));
        },
      ),
    );
  });

  it('weighs little while little was done, so that a first connection makes no worker look slow', () => {
    const ofMs = (timeMs: number, units: number) => relativeLatency({ timeMs, units, atMs: 0 }, 5, 0, 60_000);
    expect(ofMs(60, 1)).toBeLessThan(1.15);
    expect(ofMs(60 + 99 * 5, 100)).toBeLessThan(1.1);
    expect(ofMs(100 * 20, 100)).toBeGreaterThan(2.4);
    expect(ofMs(4 * 60_000, 12_000)).toBeGreaterThan(3.9);
  });

  it('is half forgotten after a minute without use', () => {
    const speed = { timeMs: 5e6, units: 1e6, atMs: 0 };
    expect(relativeLatency(speed, 1, 0, LIMITS.speedHalfLifeMs)).toBeCloseTo(5, 2);
    expect(relativeLatency(speed, 1, 60_000, LIMITS.speedHalfLifeMs)).toBeCloseTo(3, 2);
  });

  it('is compared with the median of all workers', () => {
    expect([median([]), median([4]), median([1, 4]), median([9, 1, 4])]).toEqual([0, 4, 2.5, 4]);
  });
});

describe('a decaying counter', () => {
  it('adds up and halves in every half-life', () => {
    const twice = plus(plus(ZERO, 10, 0, 20_000), 10, 20_000, 20_000);
    expect(amountAt(twice, 20_000, 20_000)).toBe(15);
    expect(amountAt(twice, 60_000, 20_000)).toBe(3.75);
  });
});

describe('peak latency', () => {
  it('rises at once, falls slowly, and decays while the worker is not used', () => {
    const high = afterLatency(afterLatency(NO_LATENCY, 100, 0, 10_000), 900, 1, 10_000);
    expect(high.ms).toBe(900);
    expect(afterLatency(high, 100, 1001, 10_000).ms).toBeGreaterThan(800);
    expect(latencyAt(high, 10_001, 10_000)).toBeCloseTo(900 / Math.E, 3);
  });
});

describe('worker stats', () => {
  const fail = (before: WorkerStats, reason: 'failure' | 'connect_error', times: number): WorkerStats => ({
    ...before,
    circuit: Array.from({ length: times }).reduce<WorkerStats['circuit']>(
      (circuit) => afterFailure(circuit, reason, { isLastAvailable: false, mayEject: true }, 0, half, LIMITS),
      before.circuit,
    ),
  });

  it('put a penalty on every error, and a small one on a 4xx', () => {
    const penaltyOf = (kind: 'failure' | 'access_denied' | 'timeout' | 'connect_error' | 'client_fault') =>
      record(EMPTY_STATS, { kind }, 0).penalty.amount;
    expect(penaltyOf('failure')).toBe(10);
    expect(penaltyOf('access_denied')).toBe(10);
    expect(penaltyOf('timeout')).toBe(10);
    expect(penaltyOf('connect_error')).toBe(10);
    expect(penaltyOf('client_fault')).toBe(0.1);
    expect(record(EMPTY_STATS, { kind: 'neutral' }, 0)).toEqual(EMPTY_STATS);
  });

  it.each<RequestResult>([
    { kind: 'failure' },
    { kind: 'access_denied' },
    { kind: 'timeout' },
    { kind: 'client_fault' },
    { kind: 'throttled', retryAfterMs: 1000 },
    { kind: 'neutral' },
  ])('eject no worker for $kind by itself', (result) => {
    const after = Array.from({ length: 20 }).reduce<WorkerStats>(
      (before) => record(before, result, 0),
      EMPTY_STATS,
    );
    expect(after.circuit.ejectedFor).toBeNull();
  });

  it('skip a throttled worker for its Retry-After, a minute at most, and never end an earlier pause', () => {
    const throttled = record(EMPTY_STATS, { kind: 'throttled', retryAfterMs: 20_000 }, 1000);
    expect(throttled.throttledUntilMs).toBe(21_000);
    expect(record(throttled, { kind: 'throttled', retryAfterMs: null }, 2000).throttledUntilMs).toBe(21_000);
    expect(record(throttled, { kind: 'throttled', retryAfterMs: 3_600_000 }, 2000).throttledUntilMs).toBe(
      62_000,
    );
  });

  it('ignore the end of requests that were running when the worker was ejected', () => {
    const ejected = fail(EMPTY_STATS, 'connect_error', 2);
    expect(ejected.circuit.ejectedFor).toBe('connect_error');
    expect(record(ejected, { kind: 'connect_error' }, 5000, 0)).toBe(ejected);
    expect(record(ejected, served, 5000, 0).circuit).toBe(ejected.circuit);
    expect(record(ejected, served, 5000, 0).lastSuccessMs).toBe(5000);
  });

  it('forget the penalty of a worker that passed its trials', () => {
    const ejected = record(fail(EMPTY_STATS, 'failure', 3), { kind: 'timeout' }, 0, 1);
    const back = record(record(ejected, served, 10_000), served, 11_000);
    expect(back.circuit.ejectedFor).toBeNull();
    expect(back.penalty.amount).toBe(0);
  });

  it('forget penalty and ejection of an unreachable worker when probes find it well, and warm it up', () => {
    const unreachable = fail(record(EMPTY_STATS, { kind: 'timeout' }, 0), 'connect_error', 2);
    for (const wasDown of [true, false]) {
      const back = afterComingUp(unreachable, wasDown);
      expect(phaseOf(back.circuit, 0)).toBe('warming');
      expect(back.penalty.amount).toBe(0);
      expect(back.circuit.epoch).toBeGreaterThan(unreachable.circuit.epoch);
    }
  });

  it('keep an ejection by answers when probes find the worker well', () => {
    const failing = fail(EMPTY_STATS, 'failure', 3);
    expect(afterComingUp(failing, true)).toBe(failing);
  });

  it('do not warm up a suspect worker that was in use all the time', () => {
    expect(phaseOf(afterComingUp(EMPTY_STATS, false).circuit, 0)).toBe('closed');
    expect(phaseOf(afterComingUp(EMPTY_STATS, true).circuit, 0)).toBe('warming');
  });
});
