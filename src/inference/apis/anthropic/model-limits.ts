import { type JsonObject, present } from '../../../input/json.js';
import type { Profile } from '../../../registry/profiles/profile.dto.js';
import type { OpenAiChat } from '../../chat/chat.js';

const EFFORTS: Readonly<Record<string, string>> = {
  none: 'low',
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'xhigh',
};

/**
 * OpenAI's `reasoning_effort` as Anthropic's `effort`: a hint, left out for models before adaptive thinking, which reject it.
 * https://platform.claude.com/docs/en/build-with-claude/effort
 */
export function effortOf(chat: OpenAiChat, { thinking_config: kind }: Profile): string | undefined {
  const wanted = chat['reasoning_effort'];
  const effort = typeof wanted === 'string' && Object.hasOwn(EFFORTS, wanted) ? EFFORTS[wanted] : undefined;
  if (kind === 'adaptive') return effort;
  if (kind !== 'enabled_or_adaptive') return undefined;
  return effort === 'xhigh' ? 'high' : effort;
}

/** The default where the client sets no limit, thinking included: Anthropic requires one. */
const DEFAULT_LIMIT = 32_000;
/** What models of other vendors can write at least. */
const SMALLEST_LIMIT = 4096;

export function defaultMaxTokens({ max_output_tokens: most }: Profile): number {
  return most === null ? SMALLEST_LIMIT : Math.min(most, DEFAULT_LIMIT);
}

/** With thinking, temperature stays as it is and top_p is at least this: https://platform.claude.com/docs/en/build-with-claude/thinking */
const LEAST_TOP_P = 0.95;

/**
 * OpenAI's temperature goes up to 2, Anthropic's to 1: higher values become 1, as in Anthropic's own OpenAI-compatible API
 * (https://platform.claude.com/docs/en/api/openai-sdk). Hints that the model rejects are gone already (adapt/refused-fields.ts).
 */
export function anthropicSampling(chat: OpenAiChat, thinks: boolean): JsonObject {
  const topP = typeof chat.top_p === 'number' ? chat.top_p : undefined;
  if (thinks) return present({ top_p: topP !== undefined && topP >= LEAST_TOP_P ? topP : undefined });
  const temperature = typeof chat.temperature === 'number' ? Math.min(chat.temperature, 1) : undefined;
  return present({ temperature, top_p: topP });
}
