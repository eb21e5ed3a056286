import { bodyAffinityKey } from '../../../src/inference/client/affinity-key.js';
import { seededRandom } from '../../../test/seeded-random.js';
import { normal } from '../traffic.js';
import type { Prompt } from './prefix-cache.js';

export interface Turn {
  readonly prompt: Prompt;
  readonly answerTokens: number;
  /** From the answer before until this turn. */
  readonly thinkMs: number;
  readonly replica: number;
  /** By the service's own code. */
  readonly affinityKey: string;
}

export interface Conversation {
  readonly startMs: number;
  readonly turns: readonly Turn[];
}

export interface ConversationTraffic {
  readonly perSecond: number;
  readonly untilMs: number;
  readonly replicas: number;
  /** The share of the chats, 0 to 1, that begin with the same system prompt and the same first message. */
  readonly alikeShare: number;
}

/** A kind of client. Tokens and milliseconds are medians of lognormal lengths. */
interface Kind {
  readonly openings: number;
  /** System prompt and tools. */
  readonly openingTokens: number;
  readonly firstTokens: number;
  /** What a later turn adds: the user's next message, or what a tool returned. */
  readonly nextTokens: number;
  readonly answerTokens: number;
  readonly thinkMs: number;
  readonly meanTurns: number;
}

// Lengths of chats as in scheduling of classes and teams; agents as in Mooncake's trace of them: 8,600 tokens in, 180 out (FAST '25, table 1).
const CHAT: Kind = {
  openings: 20,
  openingTokens: 600,
  firstTokens: 400,
  nextTokens: 100,
  answerTokens: 150,
  thinkMs: 20_000,
  meanTurns: 5,
};
const AGENT: Kind = {
  openings: 4,
  openingTokens: 5000,
  firstTokens: 400,
  nextTokens: 500,
  answerTokens: 120,
  thinkMs: 2000,
  meanTurns: 10,
};
const AGENT_SHARE = 0.3;
const SIGMA = 0.8;
/** The longest message or answer. */
const MOST_TOKENS = 8000;
const LONGEST_THINK_MS = 300_000;

/** All conversations that start until then, the same for every system. */
export function conversations(traffic: ConversationTraffic, seed: number): readonly Conversation[] {
  const random = seededRandom(seed * 7919 + 3);
  const all: Conversation[] = [];
  let startMs = 0;
  for (;;) {
    startMs += (-Math.log(1 - random()) / traffic.perSecond) * 1000;
    if (startMs >= traffic.untilMs) return all;
    all.push({ startMs, turns: turnsOf(all.length, traffic, random) });
  }
}

function turnsOf(
  conversation: number,
  { replicas, alikeShare }: ConversationTraffic,
  random: () => number,
): readonly Turn[] {
  const isAgent = random() < AGENT_SHARE;
  const kind = isAgent ? AGENT : CHAT;
  const isAlike = !isAgent && random() < alikeShare;
  const opening = Math.floor(random() * kind.openings);
  const tokensOf = (median: number): number => Math.ceil(Math.min(MOST_TOKENS, lognormal(median, random)));
  const firstTokens = tokensOf(kind.firstTokens);
  const begins: Omit<Prompt, 'conversation' | 'tokens'> = isAlike
    ? { opening: ALIKE, openingTokens: kind.openingTokens + kind.firstTokens }
    : { opening: isAgent ? CHAT.openings + opening : opening, openingTokens: kind.openingTokens };
  // The same in all turns: a law of the service's key, proved beside it.
  const affinityKey = keyOf(begins.opening, isAlike ? 'Hello!' : `first message of ${conversation}`);
  const turns: Turn[] = [];
  let tokens = begins.openingTokens + (isAlike ? 0 : firstTokens);
  do {
    const answerTokens = tokensOf(kind.answerTokens);
    turns.push({
      prompt: { ...begins, conversation, tokens },
      answerTokens,
      thinkMs: Math.min(LONGEST_THINK_MS, lognormal(kind.thinkMs, random)),
      replica: Math.floor(random() * replicas),
      affinityKey,
    });
    tokens += answerTokens + tokensOf(kind.nextTokens);
  } while (random() < 1 - 1 / kind.meanTurns);
  return turns;
}

function keyOf(opening: number, first: string): string {
  const messages = [
    { role: 'system', content: `opening ${opening}` },
    { role: 'user', content: first },
  ];
  return bodyAffinityKey(Buffer.from(JSON.stringify({ model: 'm', messages })));
}

/** The opening of the chats that begin alike. */
const ALIKE = CHAT.openings + AGENT.openings;

function lognormal(median: number, random: () => number): number {
  return median * Math.exp(SIGMA * normal(random));
}
