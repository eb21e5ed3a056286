import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planSlots, type SlotSituation } from './plan-slots.js';

const situation: fc.Arbitrary<SlotSituation> = fc
  .record({
    cap: fc.integer({ min: 1, max: 5 }),
    heldForMs: fc.array(fc.nat({ max: 2_000 }), { maxLength: 5 }),
    inFlight: fc.nat({ max: 7 }),
    waiting: fc.nat({ max: 7 }),
    wishes: fc.nat({ max: 5 }),
    surplusForMs: fc.nat({ max: 2_000 }),
  })
  .map(({ waiting, ...its }) => ({
    ...its,
    heldForMs: its.heldForMs.slice(0, its.cap),
    wanted: its.inFlight + waiting,
  }));

const law = (holds: (its: SlotSituation) => void): void => fc.assert(fc.property(situation, holds));
const its = (about: Partial<SlotSituation>): SlotSituation => ({
  cap: 1,
  heldForMs: [],
  inFlight: 0,
  wanted: 0,
  wishes: 0,
  surplusForMs: 0,
  ...about,
});

describe('what to do about leased slots, however things stand', () => {
  it('never uses more than is held, and gives no slot away in which something runs', () => {
    law((now) => {
      const { usable, giveBack } = planSlots(now);
      const held = now.heldForMs.length;
      expect(usable).toBeLessThanOrEqual(held);
      expect(usable).toBeGreaterThanOrEqual(0);
      expect(giveBack).toBeLessThanOrEqual(Math.max(0, held - now.inFlight));
      expect(held - giveBack).toBeGreaterThanOrEqual(usable);
    });
  });

  it('takes no more than the cap and what is wanted, and none while it gives', () => {
    law((now) => {
      const { usable, take } = planSlots(now);
      const held = now.heldForMs.length;
      expect(held + take).toBeLessThanOrEqual(Math.max(held, Math.min(now.cap, now.wanted)));
      expect(take === 0 || usable === held).toBe(true);
    });
  });

  it('lets nobody starve: of what has had its turn, one at least goes to who wishes for it', () => {
    law((now) => {
      const isRipe = now.heldForMs.some((ms) => ms >= 200);
      const { usable, take } = planSlots(now);
      expect(now.wishes > 0 && isRipe && usable === now.heldForMs.length).toBe(false);
      expect(now.wishes > 0 && now.heldForMs.length > 0 && take > 0).toBe(false);
    });
  });

  it('wishes only where it has none and wants one', () => {
    law((now) => {
      expect(planSlots(now).requestSlot).toBe(now.heldForMs.length === 0 && now.wanted > 0);
    });
  });
});

describe('a slot', () => {
  it('that was just got is used before it is passed on, unless nobody wants it here', () => {
    expect(planSlots(its({ heldForMs: [0], wanted: 1, wishes: 2 }))).toMatchObject({
      usable: 1,
      giveBack: 0,
    });
    expect(planSlots(its({ heldForMs: [0], wanted: 0, wishes: 1 }))).toMatchObject({
      usable: 0,
      giveBack: 1,
    });
  });

  it('goes when the request that runs in it is done, and no other begins meanwhile', () => {
    const running = its({ heldForMs: [300], inFlight: 1, wanted: 5, wishes: 1 });
    expect(planSlots(running)).toMatchObject({ usable: 0, giveBack: 0, take: 0 });
    expect(planSlots({ ...running, inFlight: 0 })).toMatchObject({ usable: 0, giveBack: 1, take: 0 });
  });

  it('that nobody wants is kept for a second', () => {
    expect(planSlots(its({ heldForMs: [900], surplusForMs: 900 })).giveBack).toBe(0);
    expect(planSlots(its({ heldForMs: [1_000], surplusForMs: 1_000 })).giveBack).toBe(1);
  });
});
