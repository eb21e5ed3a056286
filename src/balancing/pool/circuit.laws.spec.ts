import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  afterFailure,
  afterAcquire,
  afterNeutral,
  afterContact,
  afterRecovery,
  afterSuccess,
  afterUnsettled,
  type Circuit,
  allowsRequest,
  phaseOf,
  CLOSED,
  WARM_SUCCESSES,
} from './circuit.js';
import { DEFAULT_STATS_LIMITS as LIMITS } from '../../config/tuning.js';

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const aStep = fc.record({
  kind: fc.constantFrom(
    'success',
    'failure',
    'connect_error',
    'credentials',
    'reached',
    'neutral',
    'acquire',
    'unsettled',
  ),
  afterMs: fc.oneof(fc.nat({ max: 50 }), fc.nat({ max: 40_000 })),
  isLastAvailable: fc.boolean(),
  mayEject: fc.boolean(),
  chance: random,
});
type Step = typeof aStep extends fc.Arbitrary<infer T> ? T : never;
const steps = fc.array(aStep, { maxLength: 60 });

function take(before: Circuit, { kind, isLastAvailable, mayEject, chance }: Step, nowMs: number): Circuit {
  switch (kind) {
    case 'success':
      return afterSuccess(before, nowMs, LIMITS);
    case 'reached':
      return afterContact(before);
    case 'neutral':
      return afterNeutral(before);
    case 'unsettled':
      return afterUnsettled(before);
    case 'acquire':
      return allowsRequest(before, nowMs) ? afterAcquire(before) : before;
    case 'failure':
    case 'connect_error':
    case 'credentials':
      return afterFailure(before, kind, { isLastAvailable, mayEject }, nowMs, () => chance, LIMITS);
  }
}

/** Every two states that followed one another. */
function* walk(
  all: readonly Step[],
): Generator<{ before: Circuit; after: Circuit; step: Step; nowMs: number }> {
  let before = CLOSED;
  let nowMs = 0;
  for (const step of all) {
    nowMs += step.afterMs;
    const after = take(before, step, nowMs);
    yield { before, after, step, nowMs };
    before = after;
  }
}

/** There are other workers to use. */
const OTHERS = { isLastAvailable: false, mayEject: true };

const failTimes = (circuit: Circuit, times: number, nowMs: number): Circuit =>
  Array.from({ length: times }).reduce<Circuit>(
    (so) => afterFailure(so, 'failure', OTHERS, nowMs, () => 0.5, LIMITS),
    circuit,
  );

describe('a circuit, for any results', () => {
  it('never has its ejection shortened by a later one', () => {
    fc.assert(
      fc.property(steps, (all) => {
        for (const { before, after } of walk(all)) {
          const isStillOut = before.ejectedFor !== null && after.ejectedFor !== null;
          expect(after.untilMs).toBeGreaterThanOrEqual(isStillOut ? before.untilMs : 0);
        }
      }),
    );
  });

  it('ejects for at least 9 s and at most 300 s', () => {
    fc.assert(
      fc.property(steps, (all) => {
        for (const { before, after, nowMs } of walk(all)) {
          const lengthMs =
            after.epoch > before.epoch ? after.untilMs - Math.max(nowMs, before.untilMs) : 9000;
          expect(lengthMs).toBeLessThanOrEqual(300_000);
          expect(after.untilMs - nowMs).toBeLessThanOrEqual(600_000);
          const isNew = after.epoch > before.epoch && before.untilMs <= nowMs;
          expect(isNew ? lengthMs : 9000).toBeGreaterThanOrEqual(9000);
        }
      }),
    );
  });

  it('allows one trial at a time, and none before the ejection is over', () => {
    fc.assert(
      fc.property(steps, (all) => {
        for (const { before, after, step, nowMs } of walk(all)) {
          const phase = phaseOf(before, nowMs);
          const may = allowsRequest(before, nowMs);
          expect(may).toBe(
            phase === 'closed' || phase === 'warming' || (phase === 'half_open' && !before.trialRunning),
          );
          const tookTrial = step.kind === 'acquire' && phase === 'half_open';
          expect(tookTrial ? after.trialRunning : true).toBe(true);
        }
      }),
    );
  });

  it('closes only after two successful trials, and warms up then', () => {
    fc.assert(
      fc.property(steps, (all) => {
        for (const { before, after, step, nowMs } of walk(all)) {
          const cameBack = before.ejectedFor !== null && after.ejectedFor === null;
          expect(cameBack).toBe(
            step.kind === 'success' && before.ejectedFor !== null && before.successfulTrials === 1,
          );
          expect(cameBack ? phaseOf(after, nowMs) : 'warming').toBe('warming');
        }
      }),
    );
  });

  it('forgets earlier ejections only when it is closed', () => {
    fc.assert(
      fc.property(steps, (all) => {
        for (const { before, after, nowMs } of walk(all)) {
          const forgot = after.ejections < before.ejections;
          expect(forgot ? phaseOf(before, nowMs) : 'closed').toBe('closed');
        }
      }),
    );
  });
});

describe('a circuit', () => {
  it('ejects a worker after three failures in a row, not after two and a success', () => {
    const healthy = Array.from({ length: 30 }).reduce<Circuit>((so) => afterSuccess(so, 0, LIMITS), CLOSED);
    const twice = failTimes(healthy, 2, 0);
    expect(twice.ejectedFor).toBeNull();
    expect(failTimes(twice, 1, 0).ejectedFor).toBe('failure');
    expect(failTimes(afterSuccess(twice, 1, LIMITS), 2, 2).ejectedFor).toBeNull();
    expect(failTimes(CLOSED, 3, 0).ejectedFor).toBe('failure');
  });

  it('ejects a worker after two connect errors in a row', () => {
    const one = afterFailure(CLOSED, 'connect_error', OTHERS, 0, () => 0.5, LIMITS);
    expect(one.ejectedFor).toBeNull();
    expect(afterFailure(one, 'connect_error', OTHERS, 0, () => 0.5, LIMITS)).toMatchObject({
      ejectedFor: 'connect_error',
      untilMs: 10_000,
    });
    expect(
      afterFailure(afterContact(one), 'connect_error', OTHERS, 0, () => 0.5, LIMITS).ejectedFor,
    ).toBeNull();
  });

  it('ejects a worker at once when it rejects the credentials', () => {
    expect(afterFailure(CLOSED, 'credentials', OTHERS, 0, () => 0.5, LIMITS).ejectedFor).toBe('credentials');
  });

  it('ejects a worker that fails one request in three without ever failing three in a row', () => {
    let circuit = CLOSED;
    for (let i = 0; i < 9 && circuit.ejectedFor === null; i++) {
      circuit = i % 3 === 2 ? failTimes(circuit, 1, i * 1000) : afterSuccess(circuit, i * 1000, LIMITS);
    }
    expect(circuit.ejectedFor).toBe('failure');
  });

  it('forgets failures that are older than the window', () => {
    const early = failTimes(CLOSED, 2, 0);
    const later = [35_000, 36_000, 37_000, 38_000].reduce((so, at) => afterSuccess(so, at, LIMITS), early);
    expect(failTimes(later, 1, 39_000).ejectedFor).toBeNull();
  });

  it('ejects for twice as long after each failed trial, up to five minutes', () => {
    let circuit = failTimes(CLOSED, 3, 0);
    const lengths: number[] = [];
    for (let i = 0; i < 7; i++) {
      const atMs = circuit.untilMs;
      circuit = failTimes(afterAcquire(circuit), 1, atMs);
      lengths.push(Math.round((circuit.untilMs - atMs) / 1000));
    }
    expect(lengths).toEqual([20, 40, 80, 160, 273, 273, 273]);
  });

  it('does not lengthen ejections when there is no other worker to use meanwhile', () => {
    let circuit = failTimes(CLOSED, 3, 0);
    for (let i = 0; i < 7; i++) {
      const atMs = circuit.untilMs;
      circuit = afterFailure(
        afterAcquire(circuit),
        'failure',
        { isLastAvailable: true, mayEject: true },
        atMs,
        () => 0.5,
        LIMITS,
      );
      expect(circuit.untilMs - atMs).toBe(10_000);
    }
  });

  it('keeps a failing worker in rotation when it may not be ejected, and ejects it as soon as it may', () => {
    const kept = { isLastAvailable: true, mayEject: false };
    const failing = Array.from({ length: 9 }).reduce<Circuit>(
      (circuit) => afterFailure(circuit, 'failure', kept, 0, () => 0.5, LIMITS),
      CLOSED,
    );
    expect([failing.ejectedFor, failing.failuresInARow]).toEqual([null, 9]);
    expect(failTimes(failing, 1, 0).ejectedFor).toBe('failure');
  });

  it('ejects a warming worker after one failure', () => {
    const warming = afterRecovery(CLOSED);
    expect(phaseOf(failTimes(warming, 1, 0), 0)).toBe('open');
  });

  it('is warm after twenty successes, and forgets its ejections with the next one', () => {
    const ejected = failTimes(CLOSED, 3, 0);
    const back = afterSuccess(afterSuccess(ejected, 10_000, LIMITS), 10_001, LIMITS);
    expect([back.ejections, back.warmSuccesses]).toEqual([1, 0]);
    let warm = back;
    for (let i = 0; i < WARM_SUCCESSES; i++) warm = afterSuccess(warm, 10_002, LIMITS);
    expect([phaseOf(warm, 10_002), warm.ejections]).toEqual(['closed', 1]);
    expect(afterSuccess(warm, 10_003, LIMITS).ejections).toBe(0);
  });

  it('ejects for longer when the worker fails again while warming', () => {
    const ejected = failTimes(CLOSED, 3, 0);
    const back = afterSuccess(afterSuccess(ejected, 10_000, LIMITS), 10_001, LIMITS);
    expect(failTimes(back, 1, 20_000)).toMatchObject({ ejectedFor: 'failure', untilMs: 40_000 });
  });

  it('keeps a trial running while the failure of its request is not settled', () => {
    const ejected = failTimes(CLOSED, 3, 0);
    const onTrial = afterAcquire(ejected);
    expect(afterUnsettled(onTrial).trialRunning).toBe(true);
    expect(allowsRequest(afterUnsettled(onTrial), 60_000)).toBe(false);
    expect(allowsRequest(afterNeutral(onTrial), 60_000)).toBe(true);
  });
});
