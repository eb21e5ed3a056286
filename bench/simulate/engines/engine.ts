import type { VirtualTime } from '../virtual-time.js';
import { PrefixCache, type Prompt } from './prefix-cache.js';

/** How an engine answered. */
export interface EngineAnswer {
  /** Since the request came. */
  readonly firstTokenMs: number;
  readonly tookMs: number;
  readonly cachedTokens: number;
}

interface Sequence {
  readonly prompt: Prompt;
  readonly answerTokens: number;
  readonly arrivedMs: number;
  readonly end: (answer: EngineAnswer) => void;
  cachedTokens: number;
  /** Of the prompt, not computed yet. */
  promptLeft: number;
  firstTokenMs: number;
  /** The engine's count of steps at which its last token comes. */
  endsAt: number;
}

/** Sequences that run at once. */
export const SEQUENCES = 32;
/** Tokens. */
const KV_TOKENS = 400_000;
// Milliseconds of a step: as long as it is empty, for each sequence, and for each token of a prompt.
const STEP_MS = 12;
const SEQUENCE_MS = 0.2;
export const PROMPT_TOKEN_MS = 0.08;
/** Prompt tokens of a step; longer prompts take several. [vLLM: max_num_batched_tokens] */
const MOST_PROMPT_TOKENS = 2048;

/**
 * An inference engine with continuous batching, chunked prefill and prefix caching, first come, first served. Steps that
 * are all alike are taken at once, so that an hour passes in a second.
 */
export class Engine {
  private readonly cache = new PrefixCache(KV_TOKENS);
  private readonly waiting: Sequence[] = [];
  private readonly prefilling: Sequence[] = [];
  private readonly decoding: Sequence[] = [];
  /** Steps of decoding so far. */
  private steps = 0;
  /** Of the sequences that wait or are prefilling. */
  private promptTokensLeft = 0;
  private isBetweenSteps = false;
  /** The steps that run now; `null`: the engine is idle, or between two of them. */
  private run: { readonly sinceMs: number; readonly stepMs: number; readonly stop: () => void } | null = null;

  /** @param slowness 3: each step takes three times as long */
  constructor(
    private readonly time: VirtualTime,
    readonly slowness: number,
  ) {}

  /** Sequences that wait or run. */
  get load(): number {
    return this.waiting.length + this.prefilling.length + this.decoding.length;
  }

  /** Milliseconds of the computing of prompts that are here, and of this one. */
  prefillMs(prompt: Prompt): number {
    const own = prompt.tokens - this.cache.cachedOf(prompt);
    return (this.promptTokensLeft + own) * PROMPT_TOKEN_MS * this.slowness;
  }

  /** Of a step with one more sequence. */
  nextStepMs(): number {
    return (STEP_MS + SEQUENCE_MS * Math.min(SEQUENCES, this.load + 1)) * this.slowness;
  }

  send(prompt: Prompt, answerTokens: number, end: (answer: EngineAnswer) => void): void {
    const left = prompt.tokens - this.cache.cachedOf(prompt);
    this.promptTokensLeft += left;
    this.waiting.push({
      prompt,
      answerTokens,
      arrivedMs: this.time.nowMs(),
      end,
      cachedTokens: 0,
      promptLeft: left,
      firstTokenMs: 0,
      endsAt: Infinity,
    });
    if (this.isBetweenSteps) return;
    if (this.run === null) this.step();
    else if (this.prefilling.length === 0 && this.waiting.length === 1) this.interrupt(this.run);
  }

  /** Ends a run of equal steps with the step that is being made, so that the one that came can start. */
  private interrupt({ sinceMs, stepMs, stop }: NonNullable<Engine['run']>): void {
    if (this.decoding.length === SEQUENCES) return;
    stop();
    const made = Math.max(1, Math.ceil((this.time.nowMs() - sinceMs) / stepMs));
    this.take(sinceMs, stepMs, made);
  }

  /** Lets these steps pass. */
  private take(sinceMs: number, stepMs: number, steps: number): void {
    const stop = this.time.after(sinceMs + steps * stepMs - this.time.nowMs(), () => {
      this.run = null;
      this.isBetweenSteps = true;
      this.steps += steps;
      this.endDecoded();
      this.endPrefilled();
      this.step();
    });
    this.run = { sinceMs, stepMs, stop };
  }

  private step(): void {
    this.isBetweenSteps = false;
    this.admit();
    const running = this.prefilling.length + this.decoding.length;
    if (running === 0) return;
    let budget = MOST_PROMPT_TOKENS;
    for (const sequence of this.prefilling) {
      const now = Math.min(budget, sequence.promptLeft);
      sequence.promptLeft -= now;
      budget -= now;
    }
    const prefilled = MOST_PROMPT_TOKENS - budget;
    this.promptTokensLeft -= prefilled;
    const stepMs = (STEP_MS + SEQUENCE_MS * running + PROMPT_TOKEN_MS * prefilled) * this.slowness;
    this.take(this.time.nowMs(), stepMs, prefilled > 0 ? 1 : this.stepsUntilEnd());
  }

  private stepsUntilEnd(): number {
    let first = Infinity;
    for (const { endsAt } of this.decoding) first = Math.min(first, endsAt);
    return first - this.steps;
  }

  private admit(): void {
    while (this.prefilling.length + this.decoding.length < SEQUENCES) {
      const [next] = this.waiting;
      if (next === undefined) return;
      const cached = this.cache.cachedOf(next.prompt);
      if (!this.cache.start(next.prompt, next.answerTokens)) return;
      this.waiting.shift();
      this.promptTokensLeft += next.prompt.tokens - cached - next.promptLeft;
      next.cachedTokens = cached;
      next.promptLeft = next.prompt.tokens - cached;
      this.prefilling.push(next);
    }
  }

  private endPrefilled(): void {
    const nowMs = this.time.nowMs();
    while (this.prefilling[0]?.promptLeft === 0) {
      const sequence = this.prefilling.shift();
      if (sequence === undefined) return;
      this.cache.computed(sequence.prompt);
      sequence.firstTokenMs = nowMs - sequence.arrivedMs;
      sequence.endsAt = this.steps + sequence.answerTokens - 1;
      if (sequence.answerTokens === 1) this.end(sequence);
      else this.decoding.push(sequence);
    }
  }

  private endDecoded(): void {
    for (let at = this.decoding.length - 1; at >= 0; at -= 1) {
      const sequence = this.decoding[at];
      if (sequence === undefined || sequence.endsAt > this.steps) continue;
      this.decoding.splice(at, 1);
      this.end(sequence);
    }
  }

  private end({ prompt, arrivedMs, firstTokenMs, cachedTokens, end }: Sequence): void {
    this.cache.end(prompt);
    end({ firstTokenMs, tookMs: this.time.nowMs() - arrivedMs, cachedTokens });
  }
}
