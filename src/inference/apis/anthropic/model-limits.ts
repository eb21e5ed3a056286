import type { JsonValue } from '../../../template/json-value.js';
import type { OpenAiChat } from '../../chat/chat.js';
import { isJsonObject } from '../../../input/json.js';
import { type JsonObject, present } from '../../chat/json.js';

/**
 * Which Claude a model is, by its name: 406 is Claude 4.6; `null`: another's, that speaks this protocol. Names such as
 * claude-3-5-sonnet-20241022, claude-sonnet-4-5@20250929, us.anthropic.claude-opus-4-6-v1:0; of what is named in another
 * way all is taken for newer than these. https://platform.claude.com/docs/en/about-claude/models/overview
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

/** Claude took `effort` without a beta from 4.6 on, and `xhigh` after that. */
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
 * OpenAI's `reasoning_effort` as Anthropic's, of which thinking is a part: a hint, left out for models that would refuse it.
 * https://platform.claude.com/docs/en/build-with-claude/effort
 */
export function effortOf(chat: OpenAiChat, upstreamModel: string): string | undefined {
  const wanted = chat['reasoning_effort'];
  const effort = typeof wanted === 'string' && Object.hasOwn(EFFORTS, wanted) ? EFFORTS[wanted] : undefined;
  const version = claudeVersion(upstreamModel);
  if (effort === undefined || version === null || version < FIRST_WITH_EFFORT) return undefined;
  return effort === 'xhigh' && version === FIRST_WITH_EFFORT ? 'high' : effort;
}

/** As callers of Anthropic's own OpenAI-compatible API ask for it. https://platform.claude.com/docs/en/api/openai-sdk */
export function thinkingOf(chat: OpenAiChat): JsonValue | undefined {
  const { thinking } = chat;
  return isJsonObject(thinking) ? (thinking as Readonly<Record<string, JsonValue>>) : undefined;
}

/**
 * For whom names no limit, which Anthropic wants named: what every model of the version can write, its thinking included
 * (https://platform.claude.com/docs/en/about-claude/models/overview). Others that speak this protocol get what the oldest can.
 */
export function defaultMaxTokens(upstreamModel: string): number {
  const version = claudeVersion(upstreamModel) ?? 0;
  if (version >= 400) return 32000;
  return version >= 305 ? 8192 : 4096;
}

/**
 * What a model takes of temperature and top_p. Claude after 4.6 takes neither and answers 400 to both; Claude before that
 * wants one of them; others that speak this protocol take both.
 * https://platform.claude.com/docs/en/about-claude/models/migration-guide
 */
type Sampling = 'none' | 'one' | 'both';

/**
 * OpenAI's temperature goes to 2, Anthropic's to 1: what is above is 1, as in Anthropic's own OpenAI-compatible API
 * (https://platform.claude.com/docs/en/api/openai-sdk). Where a model takes no temperature, it is a hint not followed.
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
