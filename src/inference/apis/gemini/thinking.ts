import type { OpenAiChat } from '../../chat/chat.js';
import { isJsonObject, type JsonObject } from '../../../input/json.js';

type Effort = 'minimal' | 'low' | 'medium' | 'high';

const BUDGETS: Readonly<Record<Effort, number>> = { minimal: 1024, low: 1024, medium: 8192, high: 24576 };

/**
 * The thinking of the model, as in Google's own OpenAI-compatible API: extra_body.google.thinking_config, otherwise
 * OpenAI's reasoning_effort by Google's table
 * (https://ai.google.dev/gemini-api/docs/openai#thinking).
 */
export function thinkingConfig(chat: OpenAiChat, upstreamModel: string): JsonObject | undefined {
  const own = googleBody(chat)['thinking_config'];
  if (isJsonObject(own)) return own as JsonObject;
  const effort = effortIn(chat['reasoning_effort']);
  return effort === undefined ? undefined : configOf(effort, upstreamModel);
}

/** Google's own fields: https://ai.google.dev/gemini-api/docs/openai#extra-body */
export function googleBody(chat: OpenAiChat): Readonly<Record<string, unknown>> {
  const extra = chat['extra_body'];
  return isJsonObject(extra) && isJsonObject(extra['google']) ? extra['google'] : {};
}

/** What each model accepts: https://ai.google.dev/gemini-api/docs/thinking. Other models reject the field. */
function configOf(effort: Effort | 'none', upstreamModel: string): JsonObject | undefined {
  const [, version] = /gemini-(\d+(?:\.\d+)?)/.exec(upstreamModel) ?? [];
  const isPro = /-pro\b/.test(upstreamModel);
  if (version !== undefined && Number(version) < 2.5) return undefined;
  if (version !== undefined && Number(version) >= 3) {
    // Thinking cannot be switched off here, and Pro has no `minimal`.
    const least = effort === 'none' || effort === 'minimal';
    return { thinkingLevel: least ? (isPro ? 'low' : 'minimal') : effort };
  }
  // An alias, such as gemini-flash-latest: newer models accept a budget, too.
  if (version === undefined && !/gemini-(?:pro|flash)/.test(upstreamModel)) return undefined;
  if (effort === 'none') return { thinkingBudget: isPro ? BUDGETS.minimal : 0 };
  return { thinkingBudget: BUDGETS[effort] };
}

function effortIn(value: unknown): Effort | 'none' | undefined {
  switch (value) {
    case 'none':
    case 'minimal':
    case 'low':
    case 'medium':
    case 'high':
      return value;
    // Only the newest models of OpenAI have these.
    case 'xhigh':
    case 'max':
      return 'high';
    default:
      return undefined;
  }
}
