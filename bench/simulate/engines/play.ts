import { VirtualTime } from '../virtual-time.js';
import type { Conversation } from './conversations.js';
import { Engine } from './engine.js';
import type { EngineRouter } from './systems.js';

/** What clients saw of the turns that came in the measured time, and what engines did for them. */
export interface PlayRecord {
  /** Tokens of prompts that came from a cache ÷ all of them. */
  readonly cachedShare: number;
  readonly firstTokenMs: readonly number[];
  readonly answerMs: readonly number[];
  /** Requests of the engine with most of them ÷ the mean. */
  readonly busiest: number;
}

export interface Play {
  readonly slowness: readonly number[];
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Plays the conversations: a turn comes when its client has read the answer before it. Answers that have not ended by then are left out. */
export function play(
  { slowness, fromMs, untilMs }: Play,
  all: readonly Conversation[],
  routerOf: (engines: readonly Engine[], time: VirtualTime) => EngineRouter,
): PlayRecord {
  const time = new VirtualTime();
  const engines = slowness.map((its) => new Engine(time, its));
  const router = routerOf(engines, time);
  const counts = engines.map(() => 0);
  const firstTokenMs: number[] = [];
  const answerMs: number[] = [];
  let promptTokens = 0;
  let cachedTokens = 0;
  const send = ({ turns }: Pick<Conversation, 'turns'>, at: number): void => {
    const turn = turns[at];
    if (turn === undefined) return;
    router.route(turn, (index, ended) => {
      const engine = engines[index];
      if (engine === undefined) throw new RangeError(`no engine ${index}`);
      const isMeasured = time.nowMs() >= fromMs;
      if (isMeasured) counts[index] = (counts[index] ?? 0) + 1;
      engine.send(turn.prompt, turn.answerTokens, (answer) => {
        if (isMeasured) {
          firstTokenMs.push(answer.firstTokenMs);
          answerMs.push(answer.tookMs);
          promptTokens += turn.prompt.tokens;
          cachedTokens += answer.cachedTokens;
        }
        ended(answer.tookMs);
        time.after(turn.thinkMs, () => send({ turns }, at + 1));
      });
    });
  };
  for (const conversation of all) time.at(conversation.startMs, () => send(conversation, 0));
  time.runUntil(untilMs);
  return {
    cachedShare: cachedTokens / promptTokens,
    firstTokenMs,
    answerMs,
    busiest: (Math.max(...counts) * counts.length) / counts.reduce((sum, count) => sum + count, 0),
  };
}
