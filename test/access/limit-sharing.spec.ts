import { describe, expect, it } from 'vitest';
import { admittedByOne, callers, limits, MINUTES_5, type Sent, Simulation } from './limit-simulation.js';

function burst(atMs: number, count: number, replica: number): Sent[] {
  return Array.from({ length: count }, (_, index) => ({ atMs: atMs + index / 10, replica }));
}

const UNEVEN = [5, 10, 20, 40, 80, 160, 320, 640];
/** By how much one number differs from another, as a part of it. */
const deviation = (wanted: number, got: number): number => Math.abs(got / wanted - 1);

describe('replicas that share a limit of 600 requests a minute over five minutes', () => {
  const shared = limits({ requestsPerMinute: 600 });

  for (const replicas of [2, 3])
    it(`admit what one bucket would, within 10 %: ${replicas} replicas, 8 uneven callers`, () => {
      for (const seed of [1, 2, 3]) {
        const sent = callers(
          seed,
          UNEVEN.map((perMinute, index) => ({ perMinute, replica: (index * seed) % replicas })),
        );
        const { admitted, exchanges } = new Simulation({ replicas, limits: shared, sent });
        expect(deviation(admittedByOne(600, sent), admitted.length)).toBeLessThan(0.1);
        // Four times a second at most.
        expect(exchanges).toBeLessThan(replicas * 5 * 60 * 4);
      }
    });

  it('admit what one bucket would, within 10 %, when all callers go from one replica to the other each minute', () => {
    const sent = callers(
      4,
      UNEVEN.map((perMinute) => ({ perMinute, replica: 0 })),
    ).map((each) => ({ ...each, replica: Math.floor(each.atMs / 60_000) % 2 }));
    const { admitted } = new Simulation({ replicas: 2, limits: shared, sent });
    expect(deviation(admittedByOne(600, sent), admitted.length)).toBeLessThan(0.1);
  });

  it('admit what one bucket would, within 10 %, of bursts at one or at both', () => {
    const sent = [
      ...burst(1_000, 900, 0),
      ...burst(70_000, 400, 0),
      ...burst(70_050, 400, 1),
      ...burst(140_000, 500, 1),
      ...burst(200_000, 900, 0),
      ...callers(5, [{ perMinute: 60, replica: 1 }]),
    ].toSorted((a, b) => a.atMs - b.atMs);
    const { admitted } = new Simulation({ replicas: 2, limits: shared, sent });
    expect(deviation(admittedByOne(600, sent), admitted.length)).toBeLessThan(0.1);
  });

  it('refuse nothing of callers that stay below it', () => {
    const sent = callers(6, [
      { perMinute: 300, replica: 0 },
      { perMinute: 200, replica: 1 },
    ]);
    expect(new Simulation({ replicas: 2, limits: shared, sent }).admitted).toHaveLength(sent.length);
  });

  it('hold it for a team over three keys at different replicas', () => {
    const sent = callers(7, [
      { perMinute: 1_000, replica: 0, key: 'a' },
      { perMinute: 300, replica: 1, key: 'b' },
      { perMinute: 100, replica: 2, key: 'c' },
    ]);
    const { admitted } = new Simulation({ replicas: 3, limits: shared, sent });
    expect(deviation(admittedByOne(600, sent), admitted.length)).toBeLessThan(0.1);
    expect(new Set(admitted.map(({ key }) => key))).toEqual(new Set(['a', 'b', 'c']));
  });

  it('keep each to its share while the database is away, and together to the limit after it', () => {
    const sent = callers(
      8,
      UNEVEN.map((perMinute) => ({ perMinute, replica: perMinute < 300 ? 0 : 1 })),
    );
    const [fromMs, toMs] = [60_000, 180_000];
    const { admitted } = new Simulation({
      replicas: 2,
      limits: shared,
      sent,
      isAway: (nowMs) => nowMs >= fromMs && nowMs < toMs,
    });
    const settledMs = fromMs + 4_000;
    for (const replica of [0, 1]) {
      const inOutage = admitted.filter(
        (each) => each.replica === replica && each.atMs > settledMs && each.atMs < toMs,
      );
      expect(inOutage.length).toBeLessThanOrEqual((300 * (toMs - settledMs)) / 60_000 + 30);
    }
    // The callers of replica 0 stay below its share there, so some of the whole is not used.
    const after = admitted.filter(({ atMs }) => atMs > toMs + 10_000);
    expect(deviation((600 * (MINUTES_5 - toMs - 10_000)) / 60_000, after.length)).toBeLessThan(0.1);
    expect(admitted.length).toBeLessThanOrEqual(3_600 * 1.1);
  });
});

describe('replicas that share a limit of 100,000 tokens a minute', () => {
  const shared = limits({ tokensPerMinute: 100_000 });
  const streams = (estimated: number, used: number) =>
    callers(
      9,
      UNEVEN.map((perMinute, index) => ({ perMinute, replica: index % 2 })),
    ).map((each) => ({ ...each, tokens: { estimated, used }, forMs: 5_000 }));

  for (const [title, estimated, used] of [
    ['as estimated', 1_000, 1_000],
    ['five times more than estimated', 500, 2_500],
    ['a fifth of the estimate', 2_500, 500],
  ] as const)
    it(`charge what was used in the end: ${title}`, () => {
      const sent = streams(estimated, used);
      const { admitted } = new Simulation({ replicas: 2, limits: shared, sent });
      const tokens = admitted.length * used;
      // At most one bucket and five minutes of it, and what ran before it was known.
      expect(tokens).toBeLessThanOrEqual(
        600_000 * 1.1 + (used > estimated ? 100_000 * (used / estimated) : 0),
      );
      expect(tokens).toBeGreaterThanOrEqual(600_000 * 0.9 - 100_000);
    });

  it('admit a request that needs the whole bucket at any replica', () => {
    const sent = Array.from({ length: 4 }, (_, index) => ({
      atMs: 1_000 + index * 61_000,
      replica: index % 2,
      tokens: { estimated: 100_000, used: 100_000 },
    }));
    expect(new Simulation({ replicas: 2, limits: shared, sent }).admitted).toHaveLength(4);
  });
});

describe('replicas that share max_concurrent', () => {
  const shared = limits({ maxConcurrent: 8 });
  const load = (seed: number, replicas: number, forMs: number) =>
    callers(
      seed,
      UNEVEN.map((perMinute, index) => ({ perMinute, replica: (index * seed) % replicas })),
      60_000,
    ).map((each) => ({ ...each, forMs }));

  for (const replicas of [1, 2, 3])
    it(`never run more than the limit and one for each other replica, and use it: ${replicas} replicas`, () => {
      for (const seed of [1, 2, 3])
        for (const forMs of [50, 700, 20_000]) {
          const sent = load(seed, replicas, forMs);
          const { mostRunning, admitted } = new Simulation({ replicas, limits: shared, sent });
          expect(mostRunning).toBeLessThanOrEqual(8 + replicas - 1);
          // Requests of 50 ms seldom run at once. Of 700 ms, so many fit into a minute; slots are handed over meanwhile.
          expect(mostRunning).toBeGreaterThanOrEqual(forMs >= 700 ? 8 : 1);
          expect(admitted.length).toBeGreaterThan(forMs === 700 ? (8 * 60_000 * 0.7) / 700 : 0);
        }
    });

  it('hand slots over to where requests come', () => {
    const sent = [...burst(1_000, 300, 0), ...burst(20_000, 300, 1)].map((each, index) => ({
      ...each,
      atMs: each.atMs + (index % 300) * 10,
      forMs: 500,
    }));
    const { mostRunning, admitted } = new Simulation({ replicas: 2, limits: shared, sent });
    expect(mostRunning).toBeLessThanOrEqual(9);
    for (const replica of [0, 1]) {
      const there = admitted.filter((each) => each.replica === replica);
      expect(there.length).toBeGreaterThan((8 * 3_000 * 0.7) / 500);
    }
  });
});
