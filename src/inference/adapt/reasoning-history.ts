import type { Profile } from '../../registry/profiles/profile.dto.js';
import type { OpenAiChat, OpenAiMessage } from '../chat/chat.js';

/**
 * Gives the reasoning of earlier turns back in the field that the server knows, and in no other: some refuse unknown fields,
 * some refuse a tool call without its reasoning. The canonical message has `reasoning_content` and `thinking_blocks`.
 */
export function withReasoningHistory(
  chat: OpenAiChat,
  { reasoning_history: field }: Profile,
  note: (change: string) => void,
): OpenAiChat {
  // The blocks are read, and the text left out, where the request of Anthropic is written.
  if (field === 'thinking_blocks') return chat;
  // A server that wants reasoning back refuses calls without it: those that another model made have none.
  const isAffected =
    field === 'none' ? hasReasoning : (message: OpenAiMessage) => hasReasoning(message) || hasCalls(message);
  if (!chat.messages.some(isAffected)) return chat;
  if (field !== 'reasoning_content')
    note(`messages: reasoning of earlier turns ${field === 'none' ? 'left out' : `sent as ${field}`}`);
  return { ...chat, messages: chat.messages.map((message) => withField(message, field)) };
}

function hasCalls({ tool_calls: calls }: OpenAiMessage): boolean {
  return Array.isArray(calls) && calls.length > 0;
}

function hasReasoning(message: OpenAiMessage): boolean {
  return message.reasoning_content !== undefined || message.thinking_blocks !== undefined;
}

function withField(message: OpenAiMessage, field: 'none' | 'reasoning_content' | 'reasoning'): OpenAiMessage {
  if (!hasReasoning(message) && (field === 'none' || !hasCalls(message))) return message;
  const { reasoning_content: text, thinking_blocks: _, ...others } = message;
  if (field === 'none') return others;
  const isText = typeof text === 'string' && text !== '';
  return isText || hasCalls(message) ? { ...others, [field]: isText ? text : '' } : others;
}
