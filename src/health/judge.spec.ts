import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judge, judgeFault, type Condition, type Evidence, type Thresholds } from './judge.js';

const health = fc.constantFrom('unknown', 'healthy', 'suspect', 'unhealthy', 'warming');
const thresholds: fc.Arbitrary<Thresholds> = fc.record({
  failuresDown: fc.integer({ min: 1, max: 6 }),
  successesUp: fc.integer({ min: 1, max: 6 }),
});
const evidence: fc.Arbitrary<Evidence> = fc.record({ ok: fc.boolean(), detail: fc.string() });
/** Counts as any sequence of probes leaves them: never both above 0. */
const condition: fc.Arbitrary<Condition> = fc
  .record({ health, reason: fc.string(), inRow: fc.integer({ min: 0, max: 12 }), ok: fc.boolean() })
  .map(({ inRow, ok, ...rest }) => ({
    ...rest,
    failuresInRow: ok ? 0 : inRow,
    successesInRow: ok ? inRow : 0,
  }));

const fresh: Condition = {
  health: 'unknown',
  reason: 'not probed yet',
  failuresInRow: 0,
  successesInRow: 0,
};
const usual: Thresholds = { failuresDown: 3, successesUp: 2 };
const good: Evidence = { ok: true, detail: 'GET /health answered 200 in 3 ms' };
const bad: Evidence = { ok: false, detail: 'connection refused by 10.0.0.3:8000' };

function after(before: Condition, probes: readonly Evidence[], limits = usual): Condition {
  return probes.reduce((now, seen) => judge(now, seen, limits), before);
}

describe('judge, whatever came before', () => {
  it('counts the run of equal outcomes at the end', () => {
    fc.assert(
      fc.property(condition, fc.array(evidence, { minLength: 1 }), thresholds, (before, probes, limits) => {
        const end = after(before, probes, limits);
        const last = probes.at(-1)?.ok === true;
        const other = probes.findLastIndex((seen) => seen.ok !== last);
        const run = probes.length - 1 - other;
        const earlier = other >= 0 ? 0 : last ? before.successesInRow : before.failuresInRow;
        expect([end.successesInRow, end.failuresInRow]).toEqual(
          last ? [run + earlier, 0] : [0, run + earlier],
        );
      }),
    );
  });

  it('takes down only after enough failures in a row, and brings back only after enough successes', () => {
    fc.assert(
      fc.property(condition, evidence, thresholds, (before, seen, limits) => {
        const now = judge(before, seen, limits);
        const wanted = before.health === 'unhealthy' ? limits.successesUp : 1;
        const allowed = new Set([before.health]);
        if (now.failuresInRow >= limits.failuresDown) allowed.add('unhealthy');
        if (now.successesInRow >= wanted) allowed.add('healthy');
        expect(allowed).toContain(now.health);
      }),
    );
  });

  it('always comes to a verdict when the evidence stays the same', () => {
    fc.assert(
      fc.property(condition, evidence, thresholds, (before, seen, limits) => {
        const enough = Math.max(limits.failuresDown, limits.successesUp);
        const end = after(
          before,
          Array.from({ length: enough }, () => seen),
          limits,
        );
        expect(end.health).toBe(seen.ok ? 'healthy' : 'unhealthy');
      }),
    );
  });

  it('gives a new reason only with a new health, or where nothing was probed yet', () => {
    fc.assert(
      fc.property(condition, evidence, thresholds, (before, seen, limits) => {
        const now = judge(before, seen, limits);
        const unprobed = before.failuresInRow + before.successesInRow === 0;
        const isNew = now.health !== before.health || (unprobed && now.health !== 'healthy');
        expect(isNew ? now.reason.includes(seen.detail) : now.reason === before.reason).toBe(true);
      }),
    );
  });
});

describe('judge', () => {
  it('trusts a new worker after one success', () => {
    expect(judge(fresh, good, usual)).toEqual({
      health: 'healthy',
      reason: 'GET /health answered 200 in 3 ms',
      failuresInRow: 0,
      successesInRow: 1,
    });
  });

  it('takes a healthy worker down at the third failure in a row, and says why', () => {
    const up = judge(fresh, good, usual);
    expect(after(up, [bad, bad]).health).toBe('healthy');
    expect(after(up, [bad, bad, good, bad, bad]).health).toBe('healthy');
    expect(after(up, [bad, bad, bad])).toMatchObject({
      health: 'unhealthy',
      reason: '3 probes in a row failed: connection refused by 10.0.0.3:8000',
    });
  });

  it('takes a new worker down at the third failure too, and says before that how it looks', () => {
    expect(after(fresh, [bad])).toMatchObject({
      health: 'unknown',
      reason: 'a probe failed: connection refused by 10.0.0.3:8000',
    });
    expect(after(fresh, [bad, bad, bad]).health).toBe('unhealthy');
  });

  it('brings one back after two successes in a row', () => {
    const downed = after(fresh, [bad, bad, bad]);
    expect(after(downed, [good]).health).toBe('unhealthy');
    expect(after(downed, [good, bad, good]).health).toBe('unhealthy');
    expect(after(downed, [good, good])).toMatchObject({ health: 'healthy', reason: good.detail });
  });

  it('keeps the reason of the moment it went down', () => {
    const downed = after(fresh, [bad, bad, bad]);
    const later = after(downed, [{ ok: false, detail: 'it hangs' }, good, bad]);
    expect(later.reason).toBe(downed.reason);
  });

  it('takes a mended definition for what it is now: an old fault is no reason any more', () => {
    const faulty = judgeFault('credentials missing: sealed for another origin');
    expect(judge(faulty, bad, usual)).toMatchObject({
      health: 'unhealthy',
      reason: 'a probe failed: connection refused by 10.0.0.3:8000',
    });
    expect(judge(faulty, good, usual)).toMatchObject({
      health: 'unhealthy',
      reason: 'answering again, not yet often enough: GET /health answered 200 in 3 ms',
    });
    expect(after(faulty, [good, good]).health).toBe('healthy');
  });

  it('needs no probe for a definition that makes no sense, and no control characters to say so', () => {
    expect(judgeFault('the definition makes no sense:\u0000\nbody')).toEqual({
      health: 'unhealthy',
      reason: 'the definition makes no sense: body',
      failuresInRow: 0,
      successesInRow: 0,
    });
  });
});
