import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type HealthState, unknownHealth } from './health-state.js';
import { nextProbeMs, type Rhythm } from './next-probe.js';

const usual: Rhythm = { intervalMs: 5_000, fastIntervalMs: 1_000, downIntervalMs: 30_000, jitter: 0.2 };
const MIDDLE = 0.5;

const LONG_AGO_MS = 1e9;
const LIMITS = { failuresDown: 3, warmingMs: 30_000 };

function healthState(
  health: HealthState['health'],
  failuresInRow: number,
  successesInRow: number,
): HealthState {
  return { ...unknownHealth(1, 0), health, failuresInRow, successesInRow };
}

const ms = (state: HealthState, rhythm = usual, nowMs = 0) =>
  nextProbeMs(state, LIMITS, rhythm, MIDDLE, nowMs);

describe('nextProbeMs', () => {
  it('lies between the shortest and the longest interval, within the jitter', () => {
    const anyRhythm = fc.record({
      intervalMs: fc.integer({ min: 100, max: 3_600_000 }),
      fastIntervalMs: fc.integer({ min: 50, max: 3_600_000 }),
      downIntervalMs: fc.integer({ min: 100, max: 3_600_000 }),
      jitter: fc.double({ min: 0, max: 0.5, noNaN: true }),
    });
    const anyState = fc
      .tuple(
        fc.constantFrom('unknown', 'healthy', 'suspect', 'unhealthy', 'warming'),
        fc.nat({ max: 100_000 }),
        fc.nat({ max: 100_000 }),
      )
      .map(([health, failures, successes]) => healthState(health, failures, successes));
    const anyChance = fc.double({ min: 0, max: 1, noNaN: true });
    const downAfter = fc.integer({ min: 1, max: 100 });
    fc.assert(
      fc.property(anyState, downAfter, anyRhythm, anyChance, (state, failuresDown, rhythm, chance) => {
        const { intervalMs, fastIntervalMs, downIntervalMs, jitter } = rhythm;
        const next = nextProbeMs(
          state,
          { failuresDown, warmingMs: LONG_AGO_MS },
          rhythm,
          chance,
          LONG_AGO_MS,
        );
        expect(next).toBeGreaterThanOrEqual(Math.min(intervalMs, fastIntervalMs) * (1 - jitter));
        expect(next).toBeLessThanOrEqual(Math.max(intervalMs, downIntervalMs) * (1 + jitter));
      }),
    );
  });

  it('is the interval while nothing changes', () => {
    expect(ms(healthState('healthy', 0, 40))).toBe(5_000);
    expect(ms(healthState('unknown', 0, 0))).toBe(5_000);
  });

  it('is a second while health is about to change', () => {
    expect(ms(healthState('healthy', 1, 0))).toBe(1_000);
    expect(ms(healthState('unknown', 2, 0))).toBe(1_000);
    expect(ms(healthState('unhealthy', 0, 1))).toBe(1_000);
  });

  it('is never longer while health is about to change', () => {
    expect(ms(healthState('healthy', 1, 0), { ...usual, intervalMs: 200 })).toBe(200);
  });

  it('doubles while the worker stays unhealthy, up to the longest interval', () => {
    const failures = [3, 4, 5, 6, 7, 2_000];
    expect(failures.map((count) => ms(healthState('unhealthy', count, 0)))).toEqual([
      5_000, 10_000, 20_000, 30_000, 30_000, 30_000,
    ]);
  });

  it('returns to the interval for a worker that keeps failing and stays suspect', () => {
    const failures = [1, 3, 4, 5, 6, 2_000];
    expect(failures.map((count) => ms(healthState('suspect', count, 0)))).toEqual([
      1_000, 1_000, 2_000, 4_000, 5_000, 5_000,
    ]);
  });

  it('is due when a warming worker is warm', () => {
    const warming = healthState('warming', 0, 1);
    expect(ms(warming, usual, 10_000)).toBe(5_000);
    expect(ms(warming, usual, 27_000)).toBe(3_000);
    expect(ms(warming, { ...usual, intervalMs: 60_000 })).toBe(30_000);
    expect(ms({ ...warming, failuresInRow: 1 }, usual, 31_000)).toBe(1_000);
  });

  it('is the interval of the worker if that is longer than the longest', () => {
    expect(ms(healthState('unhealthy', 9, 0), { ...usual, intervalMs: 60_000 })).toBe(60_000);
  });

  it('is the longest for a definition with a fault, since a fix triggers a probe at once', () => {
    expect(ms(healthState('unhealthy', 0, 0))).toBe(30_000);
  });

  it('varies within the jitter, so that replicas do not probe in step', () => {
    const healthy = healthState('healthy', 0, 1);
    expect(nextProbeMs(healthy, LIMITS, usual, 0, 0)).toBe(4_000);
    expect(nextProbeMs(healthy, LIMITS, usual, 1, 0)).toBe(6_000);
  });
});
