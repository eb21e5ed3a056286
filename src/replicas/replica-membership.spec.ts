import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterInterruption, afterLook, aloneAs, type ReplicaMembership } from './replica-membership.js';

const ids = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 });
const step = fc.oneof(
  fc.record({ seen: ids, ms: fc.nat({ max: 3000 }) }),
  fc.record({ seen: fc.constant(null), ms: fc.nat({ max: 3000 }) }),
);
const PATIENCE_MS = 2000;
const play = (before: ReplicaMembership, seen: readonly string[] | null, nowMs: number): ReplicaMembership =>
  seen === null ? afterInterruption(before) : afterLook(before, seen, nowMs, PATIENCE_MS);

describe('the membership of replicas', () => {
  it('holds all replicas seen, in one order, and drops none during or shortly after a database outage', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let membership = aloneAs('a');
        let nowMs = 0;
        let backMs = -Infinity;
        for (const { seen, ms } of steps) {
          nowMs += ms;
          const before = membership;
          if (seen !== null && before.isInterrupted) backMs = nowMs;
          membership = play(before, seen, nowMs);
          const isMissing = seen !== null && nowMs >= backMs + PATIENCE_MS;
          const known = isMissing ? seen : [...before.ids, ...(seen ?? [])];
          expect(membership.ids).toEqual([...new Set(known)].toSorted());
        }
      }),
    );
  });
});
