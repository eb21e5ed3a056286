import type { OpenAiMessage } from '../../chat/chat.js';

/**
 * Anthropic takes several messages of one role in a row as one turn, so the results of a turn may come after its texts, and its
 * calls in several messages. OpenAI requires the results directly after all calls of a turn.
 * https://docs.anthropic.com/en/api/messages#body-messages
 */
export function joinedTurns(messages: readonly OpenAiMessage[]): readonly OpenAiMessage[] {
  if (!messages.some(({ role }) => role === 'tool')) return messages;
  const joined: OpenAiMessage[] = [];
  for (const message of messages) {
    const last = joined.at(-1);
    if (message.role === 'tool') joined.splice(endOfCalls(joined), 0, message);
    else if (last !== undefined && areOneTurn(last, message)) joined.splice(-1, 1, withBoth(last, message));
    else joined.push(message);
  }
  return joined;
}

/** Where a result stands: before the texts of the user that came since the calls. */
function endOfCalls(messages: readonly OpenAiMessage[]): number {
  const end = messages.findLastIndex(({ role }) => role !== 'user') + 1;
  const before = messages[end - 1];
  return before !== undefined && (before.role === 'tool' || hasCalls(before)) ? end : messages.length;
}

function areOneTurn(first: OpenAiMessage, second: OpenAiMessage): boolean {
  return first.role === 'assistant' && second.role === 'assistant' && (hasCalls(first) || hasCalls(second));
}

function hasCalls({ tool_calls: calls }: OpenAiMessage): boolean {
  return Array.isArray(calls) && calls.length > 0;
}

function withBoth(first: OpenAiMessage, second: OpenAiMessage): OpenAiMessage {
  const thought = [first.reasoning_content, second.reasoning_content].filter(
    (each) => typeof each === 'string',
  );
  const signed = [first, second].flatMap(({ thinking_blocks: blocks }) =>
    Array.isArray(blocks) ? (blocks as unknown[]) : [],
  );
  const texts = [first.content, second.content].filter((each) => typeof each === 'string');
  return {
    role: 'assistant',
    content: texts.length === 0 ? null : texts.join(''),
    ...(thought.length === 0 ? {} : { reasoning_content: thought.join('') }),
    ...(signed.length === 0 ? {} : { thinking_blocks: signed }),
    tool_calls: [...(first.tool_calls ?? []), ...(second.tool_calls ?? [])],
  };
}
