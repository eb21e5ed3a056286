import type { Profile } from '../../../registry/profiles/profile.dto.js';
import type { OpenAiChat } from '../../chat/chat.js';
import { isJsonObject, type JsonObject } from '../../../input/json.js';

type Effort = 'minimal' | 'low' | 'medium' | 'high';

const BUDGETS: Readonly<Record<Effort, number>> = { minimal: 1024, low: 1024, medium: 8192, high: 24576 };

/**
 * The thinking of the model, as in Google's own OpenAI-compatible API: extra_body.google.thinking_config, otherwise
 * OpenAI's reasoning_effort by Google's table
 * (https://ai.google.dev/gemini-api/docs/openai#thinking).
 */
export function thinkingConfig(chat: OpenAiChat, { thinking_config: kind }: Profile): JsonObject | undefined {
  const own = googleBody(chat)['thinking_config'];
  if (isJsonObject(own)) return own as JsonObject;
  const effort = effortIn(chat['reasoning_effort']);
  return effort === undefined ? undefined : configOf(effort, kind);
}

/** Google's own fields: https://ai.google.dev/gemini-api/docs/openai#extra-body */
export function googleBody(chat: OpenAiChat): Readonly<Record<string, unknown>> {
  const extra = chat['extra_body'];
  return isJsonObject(extra) && isJsonObject(extra['google']) ? extra['google'] : {};
}

/** Models that take no thinking reject the field. */
function configOf(effort: Effort | 'none', kind: Profile['thinking_config']): JsonObject | undefined {
  const isLeast = effort === 'none' || effort === 'minimal';
  switch (kind) {
    case 'none':
      return undefined;
    case 'budget':
      return { thinkingBudget: effort === 'none' ? 0 : BUDGETS[effort] };
    case 'budget_above_0':
      return { thinkingBudget: BUDGETS[effort === 'none' ? 'minimal' : effort] };
    case 'level':
      return { thinkingLevel: isLeast ? 'minimal' : effort };
    case 'level_from_low':
      return { thinkingLevel: isLeast ? 'low' : effort };
    // The kinds of Claude, which a registration may name by mistake.
    case 'enabled':
    case 'enabled_or_adaptive':
    case 'adaptive':
    case 'as_sent':
      return undefined;
  }
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
