import type { JsonValue } from '../../../template/json-value.js';
import type { OpenAiChat } from '../../chat/chat.js';
import { isObject } from '../from-openai/json-object.js';
import { claudeVersion } from './claude-version.js';

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
  return isObject(thinking) ? (thinking as Readonly<Record<string, JsonValue>>) : undefined;
}

/**
 * For whom names no limit, which Anthropic wants named: what every model of the version can write, its thinking included
 * (https://platform.claude.com/docs/en/about-claude/models/overview). Others that speak this protocol get what the oldest can.
 */
export function usualMaxTokens(upstreamModel: string): number {
  const version = claudeVersion(upstreamModel) ?? 0;
  if (version >= 400) return 32_000;
  return version >= 305 ? 8192 : 4096;
}
