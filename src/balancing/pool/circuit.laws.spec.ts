import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  afterRecovery,
  afterFailure,
  afterAcquire,
  afterNeutral,
  afterContact,
  afterSuccess,
  type Circuit,
  allowsRequest,
  phaseOf,
  CLOSED,
} from './circuit.js';
import { DEFAULT_STATS_LIMITS as LIMITS } from './stats-limits.js';

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const step = fc.record({
  kind: fc.constantFrom(
    'success',
    'failure',
    'connect_error',
    'credentials',
    'reached',
    'no_verdict',
    'lend',
  ),
  afterMs: fc.oneof(fc.nat({ max: 50 }), fc.nat({ max: 40_000 })),
  isAlone: fc.boolean(),
  chance: random,
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
const steps = fc.array(step, { maxLength: 60 });

function take(before: Circuit, { kind, isAlone, chance }: Step, nowMs: number): Circuit {
  switch (kind) {
    case 'success':
      return afterSuccess(before, nowMs, LIMITS);
    case 'reached':
      return afterContact(before);
    case 'no_verdict':
      return afterNeutral(before);
    case 'lend':
      return allowsRequest(before, nowMs) ? afterAcquire(before) : before;
    case 'failure':
    case 'connect_error':
    case 'credentials':
      return afterFailure(before, kind, isAlone, nowMs, () => chance, LIMITS);
  }
}

/** Every two states that followed one another. */
function* walk(
  all: readonly Step[],
): Generator<{ before: Circuit; after: Circuit; its: Step; nowMs: number }> {
  let before = CLOSED;
  let nowMs = 0;
  for (const its of all) {
    nowMs += its.afterMs;
    const after = take(before, its, nowMs);
    yield { before, after, its, nowMs };
    before = after;
  }
}

const failTimes = (circuit: Circuit, times: number, nowMs: number): Circuit =>
  Array.from({ length: times }).reduce<Circuit>(
    (so) => afterFailure(so, 'failure', false, nowMs, () => 0.5, LIMITS),
    circuit,
  );

describe('a circuit, whatever happens', () => {
  it('never has its deadline shortened by a later one', () => {
    fc.assert(
      fc.property(steps, (all) => {
        for (const { before, after } of walk(all)) {
          const isStillOut = before.ejectedFor !== null && after.ejectedFor !== null;
          expect(after.untilMs).toBeGreaterThanOrEqual(isStillOut ? before.untilMs : 0);
        }
      }),
    );
  });

  it('is put aside for at least 9 s and at most 300 s', () => {
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

  it('lends one trial at a time, and nothing before its time is up', () => {
    fc.assert(
      fc.property(steps, (all) => {
        for (const { before, after, its, nowMs } of walk(all)) {
          const phase = phaseOf(before, nowMs, LIMITS);
          const may = allowsRequest(before, nowMs);
          expect(may).toBe(
            phase === 'whole' || phase === 'warming' || (phase === 'trial' && !before.trialRunning),
          );
          const tookTrial = its.kind === 'lend' && phase === 'trial';
          expect(tookTrial ? after.trialRunning : true).toBe(true);
        }
      }),
    );
  });

  it('comes back into use only by two good trials, and warms up then', () => {
    fc.assert(
      fc.property(steps, (all) => {
        for (const { before, after, its, nowMs } of walk(all)) {
          const cameBack = before.ejectedFor !== null && after.ejectedFor === null;
          expect(cameBack).toBe(
            its.kind === 'success' && before.ejectedFor !== null && before.successfulTrials === 1,
          );
          expect(cameBack ? phaseOf(after, nowMs, LIMITS) : 'warming').toBe('warming');
        }
      }),
    );
  });

  it('forgets its ejections only when it is whole again', () => {
    fc.assert(
      fc.property(steps, (all) => {
        for (const { before, after, nowMs } of walk(all)) {
          const forgot = after.ejections < before.ejections;
          expect(forgot ? phaseOf(before, nowMs, LIMITS) : 'whole').toBe('whole');
        }
      }),
    );
  });
});

describe('a circuit', () => {
  it('skips a worker after three failures in a row, not after two and a success', () => {
    const well = Array.from({ length: 30 }).reduce<Circuit>((so) => afterSuccess(so, 0, LIMITS), CLOSED);
    const twice = failTimes(well, 2, 0);
    expect(twice.ejectedFor).toBeNull();
    expect(failTimes(twice, 1, 0).ejectedFor).toBe('failure');
    expect(failTimes(afterSuccess(twice, 1, LIMITS), 2, 2).ejectedFor).toBeNull();
    expect(failTimes(CLOSED, 3, 0).ejectedFor).toBe('failure');
  });

  it('skips a worker after two connect errors in a row', () => {
    const one = afterFailure(CLOSED, 'connect_error', false, 0, () => 0.5, LIMITS);
    expect(one.ejectedFor).toBeNull();
    expect(afterFailure(one, 'connect_error', false, 0, () => 0.5, LIMITS)).toMatchObject({
      ejectedFor: 'connect_error',
      untilMs: 10_000,
    });
    expect(
      afterFailure(afterContact(one), 'connect_error', false, 0, () => 0.5, LIMITS).ejectedFor,
    ).toBeNull();
  });

  it('skips a worker whose credentials are rejected at once', () => {
    expect(afterFailure(CLOSED, 'credentials', false, 0, () => 0.5, LIMITS).ejectedFor).toBe('credentials');
  });

  it('skips a worker that fails one in three without ever failing three times in a row', () => {
    let circuit = CLOSED;
    for (let i = 0; i < 9 && circuit.ejectedFor === null; i++) {
      circuit = i % 3 === 2 ? failTimes(circuit, 1, i * 1000) : afterSuccess(circuit, i * 1000, LIMITS);
    }
    expect(circuit.ejectedFor).toBe('failure');
  });

  it('forgives failures that are older than the window', () => {
    const early = failTimes(CLOSED, 2, 0);
    const later = [35_000, 36_000, 37_000, 38_000].reduce((so, at) => afterSuccess(so, at, LIMITS), early);
    expect(failTimes(later, 1, 39_000).ejectedFor).toBeNull();
  });

  it('is put aside twice as long each time it fails its trial, and never beyond five minutes', () => {
    let circuit = failTimes(CLOSED, 3, 0);
    const lengths: number[] = [];
    for (let i = 0; i < 7; i++) {
      const atMs = circuit.untilMs;
      circuit = failTimes(afterAcquire(circuit), 1, atMs);
      lengths.push(Math.round((circuit.untilMs - atMs) / 1000));
    }
    expect(lengths).toEqual([20, 40, 80, 160, 273, 273, 273]);
  });

  it('is put aside no longer each time when there is no other worker to use meanwhile', () => {
    let circuit = failTimes(CLOSED, 3, 0);
    for (let i = 0; i < 7; i++) {
      const atMs = circuit.untilMs;
      circuit = afterFailure(afterAcquire(circuit), 'failure', true, atMs, () => 0.5, LIMITS);
      expect(circuit.untilMs - atMs).toBe(10_000);
    }
  });

  it('may be tried at once when probes see it come up, if it was out of reach; not if it failed', () => {
    const eject = (reason: 'connect_error' | 'failure') =>
      [0, 1, 2].reduce((so) => afterFailure(so, reason, false, 0, () => 0.5, LIMITS), CLOSED);
    const reached = afterRecovery(eject('connect_error'), 5000);
    expect(phaseOf(reached, 5000, LIMITS)).toBe('trial');
    expect(reached.ejections).toBeGreaterThan(0);
    expect(phaseOf(afterRecovery(eject('failure'), 5000), 5000, LIMITS)).toBe('aside');
  });

  it('starts its ejections anew after it has been well for a whole warming', () => {
    const out = failTimes(CLOSED, 3, 0);
    const back = afterSuccess(afterSuccess(out, 10_000, LIMITS), 10_001, LIMITS);
    expect(back.ejections).toBe(1);
    expect(failTimes(back, 2, 20_000)).toMatchObject({ ejectedFor: 'failure', untilMs: 40_000 });
    expect(afterSuccess(back, 40_002, LIMITS).ejections).toBe(0);
  });
});
