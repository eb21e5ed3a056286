import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../test/seeded-random.js';
import { textHash } from './picking.js';
import type { Candidate, Policy } from './policy.js';
import { POLICIES, knownStrategy } from './strategies.js';

function aCandidate(about: Partial<Candidate> & { readonly id: string }): Candidate {
  return {
    hash: textHash(about.id),
    weight: 1,
    inFlight: 0,
    relativeLatency: 1,
    penalty: 0,
    peakLatencyMs: 0,
    ...about,
  };
}

const weight = fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.double({ min: 0.1, max: 1000, noNaN: true }));
const facts = fc.record({
  weight,
  inFlight: fc.nat({ max: 100 }),
  relativeLatency: fc.double({ min: 0.25, max: 8, noNaN: true }),
  penalty: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1000, noNaN: true })),
  peakLatencyMs: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 600_000, noNaN: true })),
});
const candidates = fc
  .array(facts, { minLength: 1, maxLength: 100 })
  .map((list) => list.map((item, index) => aCandidate({ ...item, id: `w${index}` })));
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const chances = fc.infiniteStream(chance);
const key = fc.option(fc.string(), { nil: undefined });

function drawing(stream: Iterator<number>): () => number {
  return () => stream.next().value as number;
}

/** How often each is picked when every request ends before the next begins. */
function lightTraffic(policy: Policy<unknown>, idle: readonly Candidate[], times: number): number[] {
  const counts = idle.map(() => 0);
  const random = seededRandom(7);
  let memory = policy.start;
  for (let i = 0; i < times; i++) {
    const pick = policy.pick(idle, memory, random);
    memory = pick.memory;
    counts[pick.index] = (counts[pick.index] ?? 0) + 1;
  }
  return counts;
}

/** How many each has when `times` requests come at once and none has ended. */
function atOnce(policy: Policy<unknown>, equals: number, times: number): number[] {
  const loads = Array.from({ length: equals }, () => 0);
  const random = seededRandom(11);
  let memory = policy.start;
  for (let i = 0; i < times; i++) {
    const list = loads.map((inFlight, index) => aCandidate({ id: `w${index}`, inFlight }));
    const pick = policy.pick(list, memory, random);
    memory = pick.memory;
    loads[pick.index] = (loads[pick.index] ?? 0) + 1;
  }
  return loads;
}

describe.each(Object.entries(POLICIES))('policy %s', (_name, policy: Policy<unknown>) => {
  it('picks one of the candidates', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(candidates, key), { minLength: 1, maxLength: 5 }),
        chances,
        (rounds, stream) => {
          let memory = policy.start;
          for (const [round, affinityKey] of rounds) {
            const pick = policy.pick(round, memory, drawing(stream), affinityKey);
            memory = pick.memory;
            expect(round[pick.index]).toBeDefined();
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('changes none of its arguments and returns the same for the same', () => {
    fc.assert(
      fc.property(candidates, chance, key, (list, drawn, its) => {
        const frozen = Object.freeze(list.map((item) => Object.freeze(item)));
        const { memory } = policy.pick(frozen, policy.start, () => drawn, its);
        const before = structuredClone(memory);
        const answer = policy.pick(frozen, memory, () => drawn, its);
        expect(memory).toEqual(before);
        expect(policy.pick(frozen, memory, () => drawn, its)).toEqual(answer);
      }),
      { numRuns: 200 },
    );
  });

  it('gives shares in proportion to weights while traffic is light', () => {
    const idle = [1, 1, 2, 4].map((its, index) => aCandidate({ id: `w${index}`, weight: its }));
    const counts = lightTraffic(policy, idle, 8000);
    for (const [index, its] of [1, 1, 2, 4].entries()) {
      expect(counts[index]).toBeGreaterThan(1000 * its * 0.85);
      expect(counts[index]).toBeLessThan(1000 * its * 1.15);
    }
  });

  it('uses every one of many equal workers', () => {
    const idle = Array.from({ length: 200 }, (_, index) => aCandidate({ id: `w${index}` }));
    expect(Math.min(...lightTraffic(policy, idle, 8000))).toBeGreaterThan(10);
  });
});

const costly = Object.entries<Policy<unknown>>(POLICIES).filter(([, { cost }]) => cost !== undefined);
it.each(costly)('%s picks the one of two busy workers whose shown cost is lower', (_name, policy) => {
  const busy = facts.map((about) => ({ ...about, inFlight: about.inFlight + 1 }));
  fc.assert(
    fc.property(busy, busy, chances, (one, other, stream) => {
      const list = [aCandidate({ ...one, id: 'one' }), aCandidate({ ...other, id: 'other' })];
      const costs = list.map((item) => policy.cost?.(item));
      const { index } = policy.pick(list, policy.start, drawing(stream));
      expect(costs[index]).toBe(Math.min(...costs.map(Number)));
    }),
    { numRuns: 200 },
  );
});

it('falls back to the default for a strategy that only a newer release knows', () => {
  const newer = JSON.parse('"from_the_future"') as keyof typeof POLICIES;
  expect(knownStrategy(newer, 'least_load')).toBe('least_load');
  expect(knownStrategy('random', 'least_load')).toBe('random');
});

describe.each(['least_load', 'least_request', 'round_robin'] as const)('%s', (name) => {
  it('spreads 1000 requests at once over four equal workers to within one', () => {
    const loads = atOnce(POLICIES[name], 4, 1000);
    expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
  });
});

describe('least_load', () => {
  const { least_load: policy } = POLICIES;
  const cost = (item: Candidate) => ((item.inFlight + 1) / item.weight) * item.relativeLatency + item.penalty;

  it('picks the lowest cost, or an idle worker when the lowest is idle', () => {
    fc.assert(
      fc.property(candidates, chances, (list, stream) => {
        fc.pre(list.length <= 64);
        const picked = list[policy.pick(list, null, drawing(stream)).index];
        const lowest = Math.min(...list.map(cost));
        const cheapest = list.filter((item) => cost(item) === lowest);
        const alsoIdle = cheapest.some(({ inFlight }) => inFlight === 0) && picked?.inFlight === 0;
        expect(picked !== undefined && (cheapest.includes(picked) || (alsoIdle && picked.penalty < 1))).toBe(
          true,
        );
      }),
      { numRuns: 500 },
    );
  });

  it('picks the cheaper of two when there are very many', () => {
    fc.assert(
      fc.property(fc.integer({ min: 65, max: 500 }), chance, chance, (count, one, other) => {
        const list = Array.from({ length: count }, (_, index) =>
          aCandidate({ id: `w${index}`, inFlight: 1 + index }),
        );
        const drawn = [one, other][Symbol.iterator]();
        const { index } = policy.pick(list, null, () => drawn.next().value ?? 0);
        const first = Math.floor(one * count);
        expect(index).toBeLessThanOrEqual(first);
      }),
    );
  });

  it('gives no traffic to a worker that is idle because it fails at once', () => {
    const failing = aCandidate({ id: 'failing', penalty: 10 });
    const idle = aCandidate({ id: 'idle' });
    const busy = aCandidate({ id: 'busy', inFlight: 3 });
    expect(lightTraffic(policy, [failing, idle], 1000)).toEqual([0, 1000]);
    expect(lightTraffic(policy, [failing, busy], 1000)).toEqual([0, 1000]);
  });

  it('gives an idle worker that is four times slower one turn for sixteen of the other', () => {
    const counts = lightTraffic(
      policy,
      [aCandidate({ id: 'slow', relativeLatency: 4 }), aCandidate({ id: 'fast' })],
      5000,
    );
    expect(counts[0]).toBeGreaterThan(240);
    expect(counts[0]).toBeLessThan(350);
  });
});

describe.each(['power_of_two', 'peak_ewma'] as const)('%s', (name) => {
  it('never picks the busiest of equal workers', () => {
    const list = [9, 1, 1, 1].map((inFlight, index) =>
      aCandidate({ id: `w${index}`, inFlight, peakLatencyMs: 50 }),
    );
    expect(lightTraffic(POLICIES[name], list, 1000)[0]).toBe(0);
  });
});

describe('peak_ewma', () => {
  it('skips an idle worker with a high latency while there is another', () => {
    const idle = [
      aCandidate({ id: 'slow', peakLatencyMs: 900 }),
      aCandidate({ id: 'fast', peakLatencyMs: 30 }),
    ];
    expect(lightTraffic(POLICIES.peak_ewma, idle, 1000)).toEqual([0, 1000]);
  });
});

describe('round_robin', () => {
  const policy = POLICIES.round_robin;

  it('gives each worker exactly its weight in every full round', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 10 }),
        fc.nat(),
        (weights, place) => {
          const list = weights.map((its, index) => aCandidate({ id: `w${index}`, weight: its }));
          const turn = weights.reduce((sum, its) => sum + its, 0);
          const counts = weights.map(() => 0);
          let memory = { ...policy.start, place };
          for (let i = 0; i < turn; i++) {
            const pick = policy.pick(list, memory, Math.random);
            memory = pick.memory;
            counts[pick.index] = (counts[pick.index] ?? 0) + 1;
          }
          expect(counts).toEqual(weights);
        },
      ),
    );
  });

  it('spreads out the turns of a heavy worker', () => {
    const list = [6, 1, 1].map((its, index) => aCandidate({ id: `w${index}`, weight: its }));
    let memory = policy.start;
    const turns = Array.from({ length: 16 }, () => {
      const pick = policy.pick(list, memory, Math.random);
      memory = pick.memory;
      return pick.index;
    });
    expect(turns.join('')).not.toContain('000000');
  });

  it('does not flood a worker that comes back', () => {
    const a = aCandidate({ id: 'a' });
    const b = aCandidate({ id: 'b' });
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

describe.each(['consistent_hash', 'prefix_affinity'] as const)('%s', (name) => {
  const policy: Policy<null> = POLICIES[name];
  const idle = Array.from({ length: 10 }, (_, index) => aCandidate({ id: `w${index}` }));
  const keys = Array.from({ length: 2000 }, (_, index) => `session ${index}`);
  const without = (item: Candidate | undefined) => idle.filter((other) => other !== item);
  const home = (list: readonly Candidate[], of: string) =>
    list[policy.pick(list, null, Math.random, of).index];

  it('moves only the keys of a worker that left', () => {
    const left = without(idle[0]);
    const moved = keys.filter((its) => home(left, its) !== home(idle, its));
    const ofTheOneThatLeft = keys.filter((its) => home(idle, its) === idle[0]);
    expect(moved).toEqual(ofTheOneThatLeft);
    expect(moved.length).toBeGreaterThan(100);
  });

  it('spreads keys in proportion to weights', () => {
    const list = [1, 1, 2].map((its, index) => aCandidate({ id: `w${index}`, weight: its }));
    const heavy = keys.filter((its) => home(list, its) === list[2]).length;
    expect(heavy / keys.length).toBeGreaterThan(0.45);
    expect(heavy / keys.length).toBeLessThan(0.55);
  });

  it('sends a key to the same worker, and to the same second one while that is full', () => {
    fc.assert(
      fc.property(fc.constantFrom(...keys), chances, (its, stream) => {
        const first = home(idle, its);
        const full = idle.map((item) => (item === first ? { ...item, inFlight: 40 } : item));
        const second = home(full, its);
        expect(second).toBe(home(without(first), its));
        expect(full[policy.pick(full, null, drawing(stream), its).index]).toBe(second);
      }),
    );
  });
});

describe('consistent_hash', () => {
  const { consistent_hash: policy } = POLICIES;
  const home = (list: readonly Candidate[], of: string) =>
    list[policy.pick(list, null, Math.random, of).index];

  it('never gives a worker more than 1.25 times its fair share of the load', () => {
    fc.assert(
      fc.property(candidates, fc.string(), (list, its) => {
        const picked = home(list, its);
        const running = list.reduce((sum, { inFlight }) => sum + inFlight, 1);
        const weights = list.reduce((sum, item) => sum + item.weight, 0);
        if (picked === undefined) throw new Error('none');
        expect(picked.inFlight + 1).toBeLessThanOrEqual(
          Math.ceil((1.25 * running * picked.weight) / weights),
        );
      }),
    );
  });
});

describe('prefix_affinity', () => {
  const { prefix_affinity: policy } = POLICIES;
  const pickOf = (list: readonly Candidate[], its: string) => policy.pick(list, null, Math.random, its).index;
  const speed = ({ weight: its, relativeLatency }: Candidate) => its / relativeLatency;
  const boundsOf = (list: readonly Candidate[]) => {
    const running = list.reduce((sum, { inFlight }) => sum + inFlight, 0);
    const speeds = list.reduce((sum, item) => sum + speed(item), 0);
    return list.map((item) => ((2 * running + 4 * list.length) * speed(item)) / speeds);
  };

  it('never breaks the bound, since some worker is always within it', () => {
    fc.assert(
      fc.property(candidates, fc.string(), (list, its) => {
        const at = pickOf(list, its);
        expect((list[at]?.inFlight ?? 0) + 1).toBeLessThanOrEqual((boundsOf(list)[at] ?? 0) * (1 + 1e-9));
      }),
      { numRuns: 500 },
    );
  });

  it('picks the same worker whatever else runs, as long as its home is within the bound', () => {
    fc.assert(
      fc.property(candidates, fc.string(), (list, its) => {
        const homeAt = pickOf(
          list.map((item) => ({ ...item, inFlight: 0, relativeLatency: 1, weight: 1 })),
          its,
        );
        const equal = list.map((item) => ({ ...item, weight: 1 }));
        const home = equal[homeAt];
        fc.pre(home !== undefined && home.inFlight + 1 < (boundsOf(equal)[homeAt] ?? 0) * (1 - 1e-9));
        expect(pickOf(equal, its)).toBe(homeAt);
      }),
      { numRuns: 500 },
    );
  });

  it('picks the same whatever the unit of the weights is', () => {
    fc.assert(
      fc.property(candidates, fc.string(), fc.constantFrom(0.125, 2, 64), (list, its, factor) => {
        const scaled = list.map((item) => ({ ...item, weight: item.weight * factor }));
        expect(pickOf(scaled, its)).toBe(pickOf(list, its));
      }),
    );
  });

  it('picks as least_load does for a request without a key', () => {
    fc.assert(
      fc.property(candidates, chance, (list, drawn) => {
        expect(policy.pick(list, null, () => drawn)).toEqual(
          POLICIES.least_load.pick(list, null, () => drawn),
        );
      }),
    );
  });
});
