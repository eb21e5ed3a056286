import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextTimeout, type Progress, type UpstreamTimeouts } from './timeouts.js';

const ms = fc.nat(1_000_000);
const timeouts: fc.Arbitrary<UpstreamTimeouts> = fc.record({
  connectMs: ms,
  firstByteMs: fc.option(ms),
  idleMs: fc.option(ms),
  totalMs: ms,
});
/** In the order in which things happen. */
const progress: fc.Arbitrary<Progress> = fc
  .tuple(ms, fc.option(ms), fc.option(ms))
  .map(([calledAt, connecting, thinking]) => {
    const sentAt = connecting === null ? null : calledAt + connecting;
    const lastByteAt = sentAt === null || thinking === null ? null : sentAt + thinking;
    return { calledAt, sentAt, lastByteAt };
  });

describe('the next deadline', () => {
  it('is never after the total, and is the total if no other timeout is set', () => {
    fc.assert(
      fc.property(progress, timeouts, (at, given) => {
        expect(nextTimeout(at, given).at).toBeLessThanOrEqual(at.calledAt + given.totalMs);
        const alone = { ...given, connectMs: Infinity, firstByteMs: null, idleMs: null };
        expect(nextTimeout(at, alone)).toEqual({ at: at.calledAt + given.totalMs, kind: 'total_timeout' });
      }),
    );
  });

  it('is named after the current step of the exchange, or the total', () => {
    fc.assert(
      fc.property(progress, timeouts, (at, given) => {
        const step =
          at.sentAt === null
            ? 'connect_timeout'
            : at.lastByteAt === null
              ? 'first_byte_timeout'
              : 'idle_timeout';
        expect([step, 'total_timeout']).toContain(nextTimeout(at, given).kind);
      }),
    );
  });

  it('moves on with each step', () => {
    const given = { connectMs: 10, firstByteMs: 100, idleMs: 20, totalMs: 500 };
    const called = { calledAt: 1_000, sentAt: null, lastByteAt: null };
    expect(nextTimeout(called, given)).toEqual({ at: 1_010, kind: 'connect_timeout' });
    const sent = { ...called, sentAt: 1_005 };
    expect(nextTimeout(sent, given)).toEqual({ at: 1_105, kind: 'first_byte_timeout' });
    const talking = { ...sent, lastByteAt: 1_050 };
    expect(nextTimeout(talking, given)).toEqual({ at: 1_070, kind: 'idle_timeout' });
    expect(nextTimeout({ ...talking, lastByteAt: 1_490 }, given)).toEqual({
      at: 1_500,
      kind: 'total_timeout',
    });
  });
});
