import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TUNING } from '../../config/tuning.js';
import {
  afterOutcome,
  EMPTY_RECORD,
  type Outcome,
  roomOf,
  type WorkerRecord,
  type WorkerLoad,
} from './worker-record.js';

const limits = TUNING.jobs.failures;
const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.constantFrom<Outcome>(
    { kind: 'accepted' },
    { kind: 'succeeded' },
    { kind: 'unreachable' },
    { kind: 'fault' },
    { kind: 'failed' },
  ),
  fc.record({ kind: fc.constant('busy' as const), retryAfterMs: fc.option(fc.nat({ max: 3_600_000 })) }),
);
const play = (outcomes: readonly Outcome[]): WorkerRecord =>
  outcomes.reduce((record, next) => afterOutcome(record, next, limits), EMPTY_RECORD);
const load: fc.Arbitrary<WorkerLoad> = fc.record({
  adminState: fc.constantFrom('enabled', 'disabled', 'draining', 'offline'),
  health: fc.constantFrom('unknown', 'healthy', 'suspect', 'unhealthy', 'warming'),
  maxConcurrency: fc.integer({ min: 1, max: 50 }),
  active: fc.nat({ max: 60 }),
  submitting: fc.nat({ max: 60 }),
});
const enabled: WorkerLoad = {
  adminState: 'enabled',
  health: 'healthy',
  maxConcurrency: 10,
  active: 0,
  submitting: 0,
};

describe('the record of a worker', () => {
  it('never lets a worker have more jobs than its limit, and none while it may not be used', () => {
    fc.assert(
      fc.property(fc.array(outcome, { maxLength: 30 }), load, (outcomes, now) => {
        const record = play(outcomes);
        const room = roomOf(now, record, limits);
        expect(room).toBeGreaterThanOrEqual(0);
        expect(room + now.active).toBeLessThanOrEqual(Math.max(now.maxConcurrency, now.active));
        const isBarred = now.adminState !== 'enabled' || now.health === 'unhealthy' || record.pauseMs > 0;
        expect(isBarred && room > 0).toBe(false);
      }),
    );
  });

  it('is good again after one success, whatever was before', () => {
    fc.assert(
      fc.property(fc.array(outcome, { maxLength: 30 }), (outcomes) => {
        expect(play([...outcomes, { kind: 'succeeded' }])).toEqual(EMPTY_RECORD);
      }),
    );
  });

  it('never bars a worker for good: an idle one gets a job once its pause is over', () => {
    fc.assert(
      fc.property(fc.array(outcome, { maxLength: 60 }), (outcomes) => {
        const record = play(outcomes);
        expect(record.pauseMs).toBeLessThanOrEqual(limits.pauseMaxMs);
        expect(roomOf(enabled, { ...record, pauseMs: 0 }, limits)).toBeGreaterThanOrEqual(1);
      }),
    );
  });

  it('never pauses a worker for failures that the requests may have caused', () => {
    fc.assert(
      fc.property(fc.nat({ max: 60 }), (count) => {
        const record = play(Array.from({ length: count }, (): Outcome => ({ kind: 'failed' })));
        expect(record.pauseMs).toBe(0);
        expect(roomOf(enabled, record, limits)).toBe(count < limits.limitedAfter ? 10 : 1);
      }),
    );
  });

  it('pauses a worker from the third fault in a row on, longer each time', () => {
    const pauses = [1, 2, 3, 4, 5].map(
      (count) => play(Array.from({ length: count }, (): Outcome => ({ kind: 'fault' }))).pauseMs,
    );
    expect(pauses).toEqual([0, 0, 10_000, 20_000, 40_000]);
  });

  it('pauses a busy worker for its Retry-After, else longer each time', () => {
    expect(play([{ kind: 'busy', retryAfterMs: 7_000 }]).pauseMs).toBe(7_000);
    const busy: Outcome = { kind: 'busy', retryAfterMs: null };
    expect([1, 2, 3, 9].map((count) => play(Array.from({ length: count }, () => busy)).pauseMs)).toEqual([
      1_000, 2_000, 4_000, 60_000,
    ]);
  });
});
