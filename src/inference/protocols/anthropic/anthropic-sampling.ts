import type { OpenAiChat } from '../../chat/chat.js';
import { type JsonObject, present } from '../from-openai/json-object.js';
import { claudeVersion } from './claude-version.js';

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
