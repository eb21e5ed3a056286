import { isJsonObject, type JsonObject } from '../../../input/json.js';
import type { Profile } from '../../../registry/profiles/profile.dto.js';
import type { OpenAiChat } from '../../chat/chat.js';
import type { AssistantTurn, Conversation } from '../../chat/conversation.js';
import type { ToolChoice } from '../../chat/options.js';

/** What a request says of thinking. */
export interface Thinking {
  /** The field `thinking`; left out: the model's default. */
  readonly field?: JsonObject;
  /** Whether the blocks of earlier turns are sent. */
  readonly sendsBlocks: boolean;
}

const OFF: Thinking = { sendsBlocks: false };
const ADAPTIVE: JsonObject = { type: 'adaptive' };
/** In tokens: the smallest budget that Anthropic takes, and that of adaptive thinking for models before it. */
const LEAST_BUDGET = 1024;
const DEFAULT_BUDGET = 8192;

/**
 * The field of Anthropic's own OpenAI-compatible API (https://platform.claude.com/docs/en/api/openai-sdk), of the kind that the
 * model takes.
 */
export function thinkingOf(
  chat: OpenAiChat,
  conversation: Conversation,
  choice: ToolChoice | undefined,
  maxTokens: number,
  { thinking_config: kind }: Profile,
): Thinking {
  if (kind === 'none') return OFF;
  const { thinking } = chat;
  const field = isJsonObject(thinking) ? (thinking as JsonObject) : undefined;
  // These models think by default, and so may those of other vendors.
  if (field === undefined) return { sendsBlocks: kind === 'adaptive' || kind === 'as_sent' };
  const type = field['type'];
  // Thinking of some models cannot be off: without the field, none is refused.
  if (type === 'disabled') return kind === 'adaptive' ? OFF : { field, sendsBlocks: false };
  if (type === 'enabled' && kind === 'adaptive') return { field: ADAPTIVE, sendsBlocks: true };
  if (type === 'adaptive' && kind === 'enabled')
    return enabled({ type: 'enabled', budget_tokens: DEFAULT_BUDGET }, conversation, choice, maxTokens);
  return type === 'enabled' ? enabled(field, conversation, choice, maxTokens) : { field, sendsBlocks: true };
}

/**
 * Off for a turn in which Anthropic would refuse it: the last turn with tool calls must begin with its thinking blocks, which
 * some clients lose, and no tool may be forced
 * (https://platform.claude.com/docs/en/build-with-claude/thinking#thinking-with-tool-use). The budget is less than the limit.
 */
function enabled(
  field: JsonObject,
  { turns }: Conversation,
  choice: ToolChoice | undefined,
  maxTokens: number,
): Thinking {
  const isForced = choice === 'required' || typeof choice === 'object';
  if (isForced || lacksThinking(turns)) return OFF;
  const budget = field['budget_tokens'];
  if (typeof budget !== 'number' || budget < maxTokens) return { field, sendsBlocks: true };
  if (maxTokens <= LEAST_BUDGET) return OFF;
  const budget_tokens = Math.max(LEAST_BUDGET, Math.floor(maxTokens / 2));
  return { field: { ...field, budget_tokens }, sendsBlocks: true };
}

/** Also where the answer continues the text of the assistant. */
function lacksThinking(turns: Conversation['turns']): boolean {
  const ofAssistant = turns.filter((turn): turn is AssistantTurn => turn.role === 'assistant');
  const calling = ofAssistant.findLast(({ calls }) => calls.length > 0);
  const ending = turns.at(-1)?.role === 'assistant' ? ofAssistant.at(-1) : undefined;
  return [calling, ending].some((turn) => turn !== undefined && !beginsWithThinking(turn));
}

function beginsWithThinking({ thinking: [first] }: AssistantTurn): boolean {
  return first !== undefined && first.index === undefined;
}
