import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apportion, type ReplicaDemand, splitSlots } from './split-slots.js';

const demands: fc.Arbitrary<readonly ReplicaDemand[]> = fc.uniqueArray(
  fc.record({
    replicaId: fc.string({ minLength: 1, maxLength: 3 }),
    slots: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 200, noNaN: true })),
  }),
  { selector: ({ replicaId }) => replicaId, minLength: 1, maxLength: 8 },
);
const slots = fc.nat({ max: 300 });
const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, one) => total + one, 0);
const law = (holds: (count: number, all: readonly ReplicaDemand[]) => void): void =>
  fc.assert(fc.property(slots, demands, holds));

describe('the parts of the slots of a model', () => {
  it('are whole, add up, and are the same in any order of the replicas', () => {
    law((count, all) => {
      const parts = splitSlots(count, all);
      expect(sum(parts.values())).toBe(count);
      expect([...parts.values()].every((part) => Number.isInteger(part) && part >= 0)).toBe(true);
      expect(splitSlots(count, all.toReversed())).toEqual(parts);
    });
  });

  it('are one at least for each replica that needs any, while there are as many slots, and for all where there are three for each', () => {
    law((count, all) => {
      const parts = splitSlots(count, all);
      const entitled = all.filter((demand) => demand.slots > 0 || count >= 3 * all.length);
      const least = Math.min(Infinity, ...entitled.map(({ replicaId }) => parts.get(replicaId) ?? 0));
      expect(least).toBeGreaterThanOrEqual(count >= all.length ? 1 : 0);
    });
  });

  it('leave nothing to replicas that need none, where there are few and the others need all', () => {
    const demand = (replicaId: string, its: number): ReplicaDemand => ({ replicaId, slots: its });
    const busy = splitSlots(6, [demand('a', 9), demand('b', 0), demand('c', 0)]);
    expect([...busy]).toEqual([
      ['a', 6],
      ['b', 0],
      ['c', 0],
    ]);
    const calm = splitSlots(6, [demand('a', 2), demand('b', 0), demand('c', 0)]);
    expect(Math.min(...calm.values())).toBe(1);
  });

  it('cover what each needs if there are enough, and grow with what is needed', () => {
    law((count, all) => {
      const parts = splitSlots(count, all);
      const needed = sum(all.map((demand) => Math.max(1, demand.slots)));
      const isCovered = ({ replicaId, slots: wanted }: ReplicaDemand): boolean =>
        needed > count || (parts.get(replicaId) ?? 0) > Math.max(1, wanted) - 1;
      const isInOrder = (one: ReplicaDemand, other: ReplicaDemand): boolean =>
        one.slots < other.slots || (parts.get(one.replicaId) ?? 0) >= (parts.get(other.replicaId) ?? 0) - 1;
      expect(all.every((one) => isCovered(one))).toBe(true);
      expect(all.every((one) => all.every((other) => isInOrder(one, other)))).toBe(true);
    });
  });
});

describe('apportionment', () => {
  it('gives each the whole part of its share or one more, and never more than its weight if there is enough weight', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 500 }),
        fc.array(fc.nat({ max: 100 }), { maxLength: 20 }),
        (count, weights) => {
          const all = sum(weights);
          const parts = apportion(count, weights);
          expect(sum(parts)).toBe(all === 0 ? 0 : count);
          for (const [at, part] of parts.entries()) {
            const exact = all === 0 ? 0 : (count * (weights[at] ?? 0)) / all;
            expect(Math.abs(part - exact)).toBeLessThan(1);
            expect(count > all || part <= (weights[at] ?? 0)).toBe(true);
          }
        },
      ),
    );
  });
});
