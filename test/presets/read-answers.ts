import type Anthropic from '@anthropic-ai/sdk';
import type OpenAI from 'openai';
import type { PresetFixture, StreamFixture, TokenCounts } from '../fixtures/presets/fixture.js';

/** A stream as OpenAI's client reads it. */
export async function readingOf(stream: AsyncIterable<OpenAI.ChatCompletionChunk>) {
  let text = '';
  let finish: string | null = null;
  let usage: TokenCounts | null = null;
  for await (const chunk of stream) {
    const [choice] = chunk.choices;
    text += choice?.delta?.content ?? '';
    // Baichuan sends an empty id until the end.
    finish = (choice?.finish_reason ?? '') === '' ? finish : (choice?.finish_reason ?? null);
    // Moonshot reports usage in the choice.
    const reported =
      chunk.usage ?? (choice as { readonly usage?: OpenAI.CompletionUsage } | undefined)?.usage;
    usage = countsOf(reported) ?? usage;
  }
  return { text, finish, usage };
}

export function countsOf(usage: OpenAI.CompletionUsage | null | undefined): TokenCounts | null {
  if (usage === undefined || usage === null) return null;
  return { input: usage.prompt_tokens, output: usage.completion_tokens };
}

/** An answer as Anthropic's client reads it. */
export function messageReading({ content, stop_reason: stop, usage }: Anthropic.Message) {
  return {
    text: content.map((block) => (block.type === 'text' ? block.text : '')).join(''),
    stop,
    usage: { input: usage.input_tokens, output: usage.output_tokens },
  };
}

const STOPS: Readonly<Record<string, string>> = { stop: 'end_turn', length: 'max_tokens' };

/** Anthropic's API requires token counts, even if they are unknown. */
export function asMessage({ text, finish, usage }: PresetFixture | StreamFixture) {
  return { text, stop: STOPS[finish], usage: usage ?? { input: 0, output: 0 } };
}

/** The message of an error, in each upstream's envelope. */
export function saidBy(body: unknown): string {
  const { error, message } = body as { readonly error?: unknown; readonly message?: string };
  if (typeof error === 'string') return error;
  return (error as { readonly message: string } | undefined)?.message ?? message ?? '';
}

export async function failureOf(promise: Promise<unknown>): Promise<Error & { readonly status: number }> {
  try {
    await promise;
  } catch (error) {
    return error as Error & { readonly status: number };
  }
  throw new Error('the request succeeded');
}
