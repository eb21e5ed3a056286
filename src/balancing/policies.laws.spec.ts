import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { POLICIES } from './policies.js';
import type { Candidate, Policy } from './policy.js';

const candidate = fc.record({
  weight: fc.integer({ min: 1, max: 1000 }),
  inFlight: fc.nat({ max: 100 }),
});
const candidates = fc
  .array(candidate, { minLength: 1, maxLength: 20 })
  .map((list) => list.map((item, index): Candidate => ({ ...item, id: `w${index}` })));
const chances = fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));

function drawing(stream: Iterator<number>): () => number {
  return () => stream.next().value as number;
}

/** A small, seeded generator (mulberry32), so that figures of chance are the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Each request finishes before the next begins, `times` over. */
function lightTraffic(policy: Policy<unknown>, weights: readonly number[], times: number): number[] {
  const idle = weights.map((weight, index): Candidate => ({ id: `w${index}`, weight, inFlight: 0 }));
  const counts = weights.map(() => 0);
  const random = seeded(7);
  let memory = policy.start;
  for (let i = 0; i < times; i++) {
    const pick = policy.pick(idle, memory, random);
    memory = pick.memory;
    counts[pick.index] = (counts[pick.index] ?? 0) + 1;
  }
  return counts;
}

describe.each(Object.entries(POLICIES))('policy %s', (_name, policy: Policy<unknown>) => {
  it('picks one of the candidates, whatever they are', () => {
    fc.assert(
      fc.property(fc.array(candidates, { minLength: 1, maxLength: 10 }), chances, (rounds, stream) => {
        let memory = policy.start;
        for (const round of rounds) {
          const pick = policy.pick(round, memory, drawing(stream));
          memory = pick.memory;
          expect(round[pick.index]).toBeDefined();
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('is a function of its arguments: changes none, and answers the same to the same', () => {
    fc.assert(
      fc.property(
        candidates,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (list, chance) => {
          const frozen = Object.freeze(list.map((item) => Object.freeze(item)));
          const memory = policy.pick(frozen, policy.start, () => chance).memory;
          expect(policy.pick(frozen, memory, () => chance)).toEqual(
            policy.pick(frozen, memory, () => chance),
          );
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('starves nobody when traffic is light: shares follow weights', () => {
    const counts = lightTraffic(policy, [1, 1, 2, 4], 8000);
    expect(counts[0]).toBeCloseTo(1000, -3);
    for (const [index, weight] of [1, 1, 2, 4].entries()) {
      expect(counts[index]).toBeGreaterThan(1000 * weight * 0.85);
      expect(counts[index]).toBeLessThan(1000 * weight * 1.15);
    }
  });
});

describe('least_request', () => {
  const { least_request: policy } = POLICIES;

  it('never picks a worker that has more to do for its weight than another', () => {
    fc.assert(
      fc.property(candidates, chances, (list, stream) => {
        const picked = list[policy.pick(list, null, drawing(stream)).index];
        if (picked === undefined || picked.inFlight === 0) return;
        const cost = (item: Candidate) => (item.inFlight + 1) / item.weight;
        expect(list.every((item) => item.inFlight > 0)).toBe(true);
        expect(cost(picked)).toBe(Math.min(...list.map(cost)));
      }),
      { numRuns: 2000 },
    );
  });

  it('spreads 1000 requests at once over four equal workers to within one', () => {
    const loads = [0, 0, 0, 0];
    const random = seeded(11);
    for (let i = 0; i < 1000; i++) {
      const list = loads.map((inFlight, index): Candidate => ({ id: `w${index}`, weight: 1, inFlight }));
      const { index } = policy.pick(list, null, random);
      loads[index] = (loads[index] ?? 0) + 1;
    }
    expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
  });
});

describe('round_robin', () => {
  it('gives each exactly its weight in every full turn', () => {
    expect(lightTraffic(POLICIES.round_robin as Policy<unknown>, [5, 1, 1], 70)).toEqual([50, 10, 10]);
  });

  it('does not flood a worker that was away', () => {
    const policy = POLICIES.round_robin;
    const [a, b]: Candidate[] = ['a', 'b'].map((id) => ({ id, weight: 1, inFlight: 0 }));
    if (a === undefined || b === undefined) throw new Error('two candidates');
    let memory = policy.start;
    for (let i = 0; i < 100; i++) memory = policy.pick([a], memory, Math.random).memory;
    const turns = Array.from({ length: 4 }, () => {
      const pick = policy.pick([a, b], memory, Math.random);
      memory = pick.memory;
      return pick.index;
    });
    expect(turns.filter((index) => index === 1)).toHaveLength(2);
  });
});
