import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VirtualTime } from '../virtual-time.js';
import { conversations } from './conversations.js';
import { Engine, type EngineAnswer, SEQUENCES } from './engine.js';
import { PrefixCache, type Prompt } from './prefix-cache.js';

const aPrompt = (about: Partial<Prompt> = {}): Prompt => ({
  opening: 0,
  openingTokens: 100,
  conversation: 0,
  tokens: 200,
  ...about,
});

describe('the prefix cache of an engine', () => {
  it('never holds more than its capacity, and never more than was computed', () => {
    const turn = fc.record({
      opening: fc.nat({ max: 2 }),
      conversation: fc.nat({ max: 5 }),
      rest: fc.integer({ min: 1, max: 300 }),
      answer: fc.integer({ min: 1, max: 100 }),
    });
    fc.assert(
      fc.property(fc.array(turn), (turns) => {
        const cache = new PrefixCache(500);
        const most = new Map<number, number>();
        for (const { opening, conversation, rest, answer } of turns) {
          // An opening belongs to its conversations.
          const its = { opening, openingTokens: 50, conversation: 10 * opening + conversation };
          const prompt = { ...its, tokens: 50 + rest };
          expect(cache.cachedOf(prompt)).toBeLessThanOrEqual(most.get(its.conversation) ?? 50);
          expect(cache.start(prompt, answer)).toBe(true);
          cache.computed(prompt);
          cache.end(prompt);
          most.set(its.conversation, Math.max(most.get(its.conversation) ?? 0, prompt.tokens + answer));
          expect(cache.size).toBeLessThanOrEqual(500);
        }
      }),
    );
  });

  it('gives up the least recently used conversation first, and an opening after all that begin with it', () => {
    const cache = new PrefixCache(500);
    const prompts = [0, 1, 2].map((conversation) => aPrompt({ conversation }));
    for (const prompt of prompts) {
      expect(cache.start(prompt, 50)).toBe(true);
      cache.computed(prompt);
      cache.end(prompt);
    }
    expect(prompts.map((prompt) => cache.cachedOf({ ...prompt, tokens: 1000 }))).toEqual([200, 250, 250]);
  });

  it('has no room for what all running sequences need at once', () => {
    const cache = new PrefixCache(500);
    expect(cache.start(aPrompt({ conversation: 1 }), 150)).toBe(true);
    expect(cache.start(aPrompt({ conversation: 2 }), 151)).toBe(false);
    expect(cache.start(aPrompt({ conversation: 2 }), 50)).toBe(true);
  });
});

describe('an engine', () => {
  const run = (
    arrivals: readonly (readonly [atMs: number, prompt: Prompt, answer: number])[],
    slowness = 1,
  ) => {
    const time = new VirtualTime();
    const engine = new Engine(time, slowness);
    const answers: (EngineAnswer | undefined)[] = arrivals.map(() => undefined);
    for (const [at, [atMs, prompt, answer]] of arrivals.entries())
      time.at(atMs, () => engine.send(prompt, answer, (its) => (answers[at] = its)));
    time.runUntil(1e6);
    return answers;
  };

  it('computes a prompt once, in steps that depend on its length and on the sequences that run', () => {
    const [first, second] = run([
      [0, aPrompt({ tokens: 3000 }), 11],
      [1000, aPrompt({ tokens: 3111 }), 1],
    ]);
    const prefillMs = 2 * 12.2 + 3000 * 0.08;
    expect(first).toEqual({
      firstTokenMs: expect.closeTo(prefillMs),
      tookMs: expect.closeTo(prefillMs + 122),
      cachedTokens: 0,
    });
    expect(second).toMatchObject({
      firstTokenMs: expect.closeTo(12.2 + 100 * 0.08) as number,
      cachedTokens: 3011,
    });
  });

  it('takes a request that comes in the middle of equal steps at the end of the one that is made', () => {
    const [first, second] = run([
      [0, aPrompt(), 101],
      [100, aPrompt({ conversation: 1, opening: 1 }), 1],
    ]);
    // The sixth step of decoding, which began at 28.2 + 5 × 12.2 ms, ends at 101.4 ms.
    const prefillMs = 12.4 + 200 * 0.08;
    expect(second?.firstTokenMs).toBeCloseTo(1.4 + prefillMs);
    expect(first?.tookMs).toBeCloseTo(28.2 + 99 * 12.2 + prefillMs);
  });

  it('runs as many sequences at once as it has, the others wait, and a slow one takes longer for all', () => {
    const all = Array.from(
      { length: SEQUENCES + 1 },
      (_, at) => [0, aPrompt({ opening: at, conversation: at }), 100] as const,
    );
    const answers = run(all).map((answer) => answer?.firstTokenMs ?? 0);
    expect(answers[SEQUENCES]).toBeGreaterThan(Math.max(...answers.slice(0, SEQUENCES)));
    expect(run(all, 3).map((answer) => (answer?.firstTokenMs ?? 0) / 3)).toEqual(
      answers.map((ms) => expect.closeTo(ms)),
    );
  });
});

it('plays the same conversations for the same seed, with a key for each of them', () => {
  const traffic = { perSecond: 3, untilMs: 60_000, replicas: 3, alikeShare: 0.5 };
  const all = conversations(traffic, 1);
  expect(conversations(traffic, 1)).toEqual(all);
  expect(conversations(traffic, 2)).not.toEqual(all);
  const keys = all.map(({ turns }) => new Set(turns.map(({ affinityKey }) => affinityKey)));
  expect(keys.every(({ size }) => size === 1)).toBe(true);
  const every = keys.flatMap((its) => [...its]);
  const shared = new Set(every.filter((key, at) => every.indexOf(key) !== at));
  expect(shared.size).toBe(1);
});
