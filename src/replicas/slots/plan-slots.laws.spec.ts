import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planSlots, type SlotSituation } from './plan-slots.js';

const situation: fc.Arbitrary<SlotSituation> = fc
  .record({
    cap: fc.integer({ min: 1, max: 5 }),
    heldForMs: fc.array(fc.nat({ max: 2_000 }), { maxLength: 5 }),
    inFlight: fc.nat({ max: 7 }),
    waiting: fc.nat({ max: 7 }),
    slotRequests: fc.nat({ max: 5 }),
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
  slotRequests: 0,
  surplusForMs: 0,
  ...about,
});

describe('the plan for leased slots, in any situation', () => {
  it('never uses more slots than are held, and releases no slot in which a request runs', () => {
    law((now) => {
      const { usable, release } = planSlots(now);
      const held = now.heldForMs.length;
      expect(usable).toBeLessThanOrEqual(held);
      expect(usable).toBeGreaterThanOrEqual(0);
      expect(release).toBeLessThanOrEqual(Math.max(0, held - now.inFlight));
      expect(held - release).toBeGreaterThanOrEqual(usable);
    });
  });

  it('takes no more slots than the cap and the demand, and none while it releases some', () => {
    law((now) => {
      const { usable, take } = planSlots(now);
      const held = now.heldForMs.length;
      expect(held + take).toBeLessThanOrEqual(Math.max(held, Math.min(now.cap, now.wanted)));
      expect(take === 0 || usable === held).toBe(true);
    });
  });

  it('lets no replica starve: at least one slot that was held for a turn goes to a replica that requests it', () => {
    law((now) => {
      const isRipe = now.heldForMs.some((ms) => ms >= 200);
      const { usable, take } = planSlots(now);
      expect(now.slotRequests > 0 && isRipe && usable === now.heldForMs.length).toBe(false);
      expect(now.slotRequests > 0 && now.heldForMs.length > 0 && take > 0).toBe(false);
    });
  });

  it('requests a slot only if it holds none and needs one', () => {
    law((now) => {
      expect(planSlots(now).requestSlot).toBe(now.heldForMs.length === 0 && now.wanted > 0);
    });
  });
});

describe('a slot', () => {
  it('is used before it is handed over, unless no request here needs it', () => {
    expect(planSlots(its({ heldForMs: [0], wanted: 1, slotRequests: 2 }))).toMatchObject({
      usable: 1,
      release: 0,
    });
    expect(planSlots(its({ heldForMs: [0], wanted: 0, slotRequests: 1 }))).toMatchObject({
      usable: 0,
      release: 1,
    });
  });

  it('is handed over when the request that runs in it ends, and no other request begins in it', () => {
    const running = its({ heldForMs: [300], inFlight: 1, wanted: 5, slotRequests: 1 });
    expect(planSlots(running)).toMatchObject({ usable: 0, release: 0, take: 0 });
    expect(planSlots({ ...running, inFlight: 0 })).toMatchObject({ usable: 0, release: 1, take: 0 });
  });

  it('is kept for a second after the last request that needs it', () => {
    expect(planSlots(its({ heldForMs: [900], surplusForMs: 900 })).release).toBe(0);
    expect(planSlots(its({ heldForMs: [1_000], surplusForMs: 1_000 })).release).toBe(1);
  });
});
