import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planWaking, type Wakeable } from './plan-waking.js';
import { nextTryInMs, sleepsAfterMs, worthWaking } from './worth-waking.js';

const demand = fc.record({
  queued: fc.nat(1000),
  meanMs: fc.option(fc.integer({ min: 1, max: 600_000 })),
  slots: fc.nat(1000),
  usualWakeMs: fc.integer({ min: 1, max: 3_600_000 }),
});

describe('whether a worker is woken', () => {
  it('never without a request that waits', () => {
    fc.assert(
      fc.property(demand, (each) => {
        expect(worthWaking({ ...each, queued: 0 })).toBe(false);
      }),
    );
  });

  it('always when a request waits and no worker is awake or being woken', () => {
    fc.assert(
      fc.property(demand, (each) => {
        expect(worthWaking({ ...each, queued: each.queued + 1, slots: 0 })).toBe(true);
      }),
    );
  });

  it('not less with a longer queue, and not more with more slots or a longer waking', () => {
    fc.assert(
      fc.property(demand, fc.nat(100), (each, more) => {
        const isWorth = Number(worthWaking(each));
        expect(Number(worthWaking({ ...each, queued: each.queued + more }))).toBeGreaterThanOrEqual(isWorth);
        expect(Number(worthWaking({ ...each, slots: each.slots + more }))).toBeLessThanOrEqual(isWorth);
        expect(Number(worthWaking({ ...each, usualWakeMs: each.usualWakeMs + more }))).toBeLessThanOrEqual(
          isWorth,
        );
      }),
    );
  });

  it('pauses 10 s after a failure, twice as long after each further one, and 300 s at most', () => {
    expect([1, 2, 3, 5, 6, 1000].map(nextTryInMs)).toEqual([
      10_000, 20_000, 40_000, 160_000, 300_000, 300_000,
    ]);
  });
});

describe('when a worker is sent to sleep', () => {
  it('is not before its own time, nor before three times its usual waking', () => {
    const times = fc.integer({ min: 1, max: 3_600_000 });
    fc.assert(
      fc.property(times, times, (afterMs, usualWakeMs) => {
        const sleepsMs = sleepsAfterMs(afterMs, usualWakeMs);
        expect(sleepsMs).toBeGreaterThanOrEqual(afterMs);
        expect(sleepsMs).toBeGreaterThanOrEqual(3 * usualWakeMs);
        expect([afterMs, 3 * usualWakeMs]).toContain(sleepsMs);
      }),
    );
  });
});

describe('what a replica would wake', () => {
  const NOW_MS = 1_000_000;
  const workers: fc.Arbitrary<readonly Wakeable[]> = fc
    .array(
      fc.record({
        priority: fc.nat(2),
        isUsable: fc.boolean(),
        power: fc.option(
          fc.record({
            state: fc.constantFrom('awake' as const, 'asleep' as const, 'waking' as const),
            failures: fc.nat(3),
            nextWakeAtMs: fc.constantFrom(0, 2 * NOW_MS),
            usualWakeMs: fc.option(fc.integer({ min: 1, max: 60_000 })),
          }),
        ),
      }),
      { maxLength: 6 },
    )
    .map((all) => all.map((worker, at) => ({ id: `${at}`, ...worker })));

  it('is asleep, usable and past its pause, of the lowest tier there is, and nothing while nothing waits', () => {
    fc.assert(
      fc.property(workers, fc.nat(100), (all, queued) => {
        const plan = planWaking(all, { queued, meanMs: 4_000 }, () => 1, NOW_MS);
        const able = all.filter(
          ({ isUsable, power }) => isUsable && power?.state === 'asleep' && power.nextWakeAtMs <= NOW_MS,
        );
        expect(plan !== null && (queued === 0 || able.length === 0)).toBe(false);
        if (plan === null) return;
        expect(plan.sleepers.toSorted()).toEqual(able.map(({ id }) => id).toSorted());
        const [first] = plan.sleepers;
        const tier = all.find(({ id }) => id === first)?.priority;
        expect(tier).toBe(Math.min(...able.map(({ priority }) => priority)));
        expect(plan.ids).toEqual(expect.arrayContaining([...plan.sleepers]));
      }),
    );
  });
});
