import { isJsonObject, type JsonObject } from '../../../input/json.js';
import type { OpenAiChat } from '../../chat/chat.js';
import type { Conversation, AssistantTurn } from '../../chat/conversation.js';
import type { ToolChoice } from '../../chat/options.js';
import { claudeVersion } from './model-limits.js';

/** What a request says of thinking. */
export interface Thinking {
  /** The field `thinking`; left out: the model's default. */
  readonly field?: JsonObject;
  /** Whether the blocks of earlier turns are sent. */
  readonly sendsBlocks: boolean;
}

const OFF: Thinking = { sendsBlocks: false };

/** The last version that does not think unless the request says so. */
const LAST_WITHOUT_DEFAULT = 406;

/**
 * The field of Anthropic's own OpenAI-compatible API (https://platform.claude.com/docs/en/api/openai-sdk). Thinking of the kind
 * `enabled` is off for a turn in which Anthropic would refuse it: the last turn with tool calls must begin with its thinking
 * blocks, which some clients lose, and no tool may be forced
 * (https://platform.claude.com/docs/en/build-with-claude/thinking#thinking-with-tool-use).
 */
export function thinkingOf(
  chat: OpenAiChat,
  { turns }: Conversation,
  choice: ToolChoice | undefined,
  upstreamModel: string,
): Thinking {
  const { thinking } = chat;
  if (!isJsonObject(thinking)) {
    const version = claudeVersion(upstreamModel);
    return { sendsBlocks: version === null || version > LAST_WITHOUT_DEFAULT };
  }
  const field = thinking as JsonObject;
  if (field['type'] === 'disabled') return { field, sendsBlocks: false };
  if (field['type'] !== 'enabled') return { field, sendsBlocks: true };
  const isForced = choice === 'required' || typeof choice === 'object';
  return isForced || lacksThinking(turns) ? OFF : { field, sendsBlocks: true };
}

/** Also where the answer continues the text of the assistant. */
function lacksThinking(turns: Conversation['turns']): boolean {
  const last = turns.at(-1);
  const calling = turns.findLast(
    (turn): turn is AssistantTurn => turn.role === 'assistant' && (turn.calls.length > 0 || turn === last),
  );
  if (calling === undefined) return false;
  const [first] = calling.thinking;
  return first === undefined || first.index !== undefined;
}
