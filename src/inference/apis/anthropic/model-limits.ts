import { type JsonObject, present } from '../../../input/json.js';
import type { OpenAiChat } from '../../chat/chat.js';

/**
 * The version of Claude by the model's name: 406 is Claude 4.6; `null`: the model of another vendor. Examples:
 * claude-3-5-sonnet-20241022, claude-sonnet-4-5@20250929, us.anthropic.claude-opus-4-6-v1:0. A Claude with another kind of
 * name counts as newer than all of these. https://platform.claude.com/docs/en/about-claude/models/overview
 */
export function claudeVersion(model: string): number | null {
  if (!/claude/i.test(model)) return null;
  if (/claude-instant/i.test(model)) return versionOf('1', undefined);
  const old = /claude-v?([1-3])(?!\d)(?:[-.](\d{1,2})(?!\d))?/i.exec(model);
  if (old !== null) return versionOf(old[1], old[2]);
  const named = /claude-[a-z]+-(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?/i.exec(model);
  return named === null ? Infinity : versionOf(named[1], named[2]);
}

function versionOf(major: string | undefined, minor: string | undefined): number {
  return Number(major ?? 0) * 100 + Number(minor ?? 0);
}

/** Claude accepts `effort` without a beta since 4.6, and `xhigh` since later versions. */
const FIRST_WITH_EFFORT = 406;
const EFFORTS: Readonly<Record<string, string>> = {
  none: 'low',
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'xhigh',
};

/**
 * OpenAI's `reasoning_effort` as Anthropic's `effort`: a hint, left out for models that reject it.
 * https://platform.claude.com/docs/en/build-with-claude/effort
 */
export function effortOf(chat: OpenAiChat, upstreamModel: string): string | undefined {
  const wanted = chat['reasoning_effort'];
  const effort = typeof wanted === 'string' && Object.hasOwn(EFFORTS, wanted) ? EFFORTS[wanted] : undefined;
  const version = claudeVersion(upstreamModel);
  if (effort === undefined || version === null || version < FIRST_WITH_EFFORT) return undefined;
  return effort === 'xhigh' && version === FIRST_WITH_EFFORT ? 'high' : effort;
}

/**
 * Anthropic requires max_tokens. The default is what all models of a version can write, thinking included
 * (https://platform.claude.com/docs/en/about-claude/models/overview); models of other vendors get the smallest.
 */
export function defaultMaxTokens(upstreamModel: string): number {
  const version = claudeVersion(upstreamModel) ?? 0;
  if (version >= 400) return 32000;
  return version >= 305 ? 8192 : 4096;
}

/**
 * Which of temperature and top_p a model accepts. Claude after 4.6 answers 400 to both; older Claude accepts one of them;
 * models of other vendors accept both.
 * https://platform.claude.com/docs/en/about-claude/models/migration-guide
 */
type Sampling = 'none' | 'one' | 'both';

/**
 * OpenAI's temperature goes up to 2, Anthropic's to 1: higher values become 1, as in Anthropic's own OpenAI-compatible API
 * (https://platform.claude.com/docs/en/api/openai-sdk). It is a hint, left out for models that reject it.
 */
export function anthropicSampling(chat: OpenAiChat, upstreamModel: string): JsonObject {
  const takes = samplingOf(upstreamModel);
  if (takes === 'none') return {};
  const temperature = typeof chat.temperature === 'number' ? Math.min(chat.temperature, 1) : undefined;
  const topP = typeof chat.top_p === 'number' ? chat.top_p : undefined;
  return present({ temperature, top_p: takes === 'one' && temperature !== undefined ? undefined : topP });
}

function samplingOf(model: string): Sampling {
  const version = claudeVersion(model);
  if (version === null) return 'both';
  return version <= 406 ? 'one' : 'none';
}
