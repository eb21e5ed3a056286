import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BULK_FLOOR } from '../../config/balancing-settings.js';
import { accrued, headroom, mostHeadroom, victimOf } from './bulk-rules.js';
import { losingSide, nextSide, retryAfterS } from './turn-rules.js';

const count = fc.nat(20);
const counts = fc.record({ live: count, bulk: count });
const bulk = fc.record({ isOwed: fc.boolean(), mayStart: fc.boolean() });

/** `then` holds, unless the condition does not. */
const implied = (condition: boolean, then: boolean): boolean => !condition || then;

describe('the side that goes next', () => {
  it('waits, and is none only where nothing waits or only bulk that may not start', () => {
    fc.assert(
      fc.property(counts, bulk, (waiting, state) => {
        const next = nextSide(waiting, state);
        const mayNone = waiting.live === 0 && !(waiting.bulk > 0 && (state.mayStart || state.isOwed));
        expect(next === null ? mayNone : waiting[next] > 0).toBe(true);
      }),
    );
  });

  it('is bulk before others only where bulk is owed', () => {
    fc.assert(
      fc.property(counts, bulk, (waiting, state) => {
        const next = nextSide(waiting, state);
        const idle = waiting.live === 0 && state.mayStart;
        expect(implied(next === 'bulk', state.isOwed || idle)).toBe(true);
        expect(implied(waiting.bulk > 0 && state.isOwed, next === 'bulk')).toBe(true);
      }),
    );
  });
});

describe('the side that loses a request of a full queue', () => {
  const capacity = fc.nat(60);

  it('has one to lose, and one is lost only where there is no place', () => {
    fc.assert(
      fc.property(counts, capacity, (waiting, places) => {
        const loser = losingSide(waiting, places);
        expect(loser === null).toBe(waiting.live + waiting.bulk <= places);
        expect(loser === null || waiting[loser] > 0).toBe(true);
      }),
    );
  });

  it('is bulk while it has more than its share of the places', () => {
    fc.assert(
      fc.property(counts, capacity, (waiting, places) => {
        const loser = losingSide(waiting, places);
        const kept = Math.max(1, Math.floor(places / 20));
        expect(implied(loser !== null && waiting.bulk > kept, loser === 'bulk')).toBe(true);
        expect(implied(loser === 'bulk' && places >= 2, waiting.bulk > kept)).toBe(true);
      }),
    );
  });
});

describe('Retry-After', () => {
  it('is a whole number of seconds from 1 to 60, and within a fifth of what the queue takes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5_000 }),
        fc.double({ min: 0, max: 10, noNaN: true }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (requests, perMs, random) => {
          const seconds = retryAfterS(requests, perMs, random);
          const exact = perMs === 0 ? 5 : requests / perMs / 1000;
          expect(Number.isInteger(seconds) && seconds >= 1 && seconds <= 60).toBe(true);
          expect(seconds).toBeGreaterThanOrEqual(Math.min(60, 0.8 * exact) - 1e-6);
          expect(seconds).toBeLessThanOrEqual(Math.max(1, 1.2 * exact + 1));
        },
      ),
    );
  });
});

describe('the headroom of bulk', () => {
  const rate = fc.nat(10_000);

  it('is the smallest that makes a wait rare, and never more than the share of the slots', () => {
    fc.assert(
      fc.property(
        rate,
        rate,
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 5, max: 100 }),
        (starts, ends, slots, percent) => {
          const most = mostHeadroom(slots, percent / 100);
          expect(most).toBe(Math.floor(((100 - percent) * slots) / 100));
          const free = headroom(starts, ends, most);
          expect(free >= 0 && free <= most).toBe(true);
          const chance = (slotsTaken: number): number => (starts / ends) ** slotsTaken;
          const isSome = starts > 0 && starts < ends;
          expect(implied(starts === 0, free === 0)).toBe(true);
          expect(implied(starts > 0 && starts >= ends, free === most)).toBe(true);
          expect(implied(isSome && free < most, chance(free) <= 0.01 + 1e-9)).toBe(true);
          expect(implied(isSome && free > 0, chance(free - 1) > 0.01 - 1e-9)).toBe(true);
        },
      ),
    );
  });
});

describe('the floor of bulk', () => {
  it('grows by a twentieth of what runs, less what bulk has there, and does not fall by waiting', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -50_000, max: 50_000 }),
        fc.nat(60_000),
        fc.nat(200),
        fc.nat(20),
        fc.nat(60_000),
        (creditMs, forMs, running, own, priceMs) => {
          const after = accrued({ creditMs, atMs: 0 }, forMs, running, own, priceMs);
          const earned = Math.max(0, BULK_FLOOR * running - own) * forMs;
          expect(after.creditMs).toBeGreaterThanOrEqual(creditMs);
          expect(after.creditMs).toBeLessThanOrEqual(creditMs + earned + 1e-6);
          // A request can be paid for, however few slots there are.
          expect(implied(creditMs + earned >= priceMs, after.creditMs >= priceMs)).toBe(true);
        },
      ),
    );
  });
});

describe('the bulk request that makes room', () => {
  const run = fc.record({
    startedMs: fc.nat(10_000),
    isOwed: fc.boolean(),
    cuts: fc.nat(3),
    isUntouched: fc.boolean(),
  });

  it('is the youngest that may be cut: young, twice cut at most, not owed, its client without a byte', () => {
    fc.assert(
      fc.property(fc.array(run), fc.nat(10_000), (runs, usualMs) => {
        const victim = victimOf(
          runs.map((each) => ({ ...each, mayCut: () => each.isUntouched })),
          10_000,
          usualMs,
        );
        const eligible = runs.filter(
          (each) =>
            !each.isOwed && each.cuts < 2 && each.isUntouched && 10_000 - each.startedMs < usualMs / 4,
        );
        const youngest = Math.max(...eligible.map(({ startedMs }) => startedMs));
        expect(victim?.startedMs ?? -Infinity).toBe(youngest);
      }),
    );
  });
});
