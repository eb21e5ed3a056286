import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyChat, wellFormedChat } from '../../../../test/arbitraries/chats.js';
import { refusalOf, signatureOf } from '../../../../test/fakes/claude-checker.js';
import { profileOf } from '../../../registry/profiles/profile.js';
import { adaptChat } from '../../adapt/adapt-chat.js';
import type { OpenAiChat, OpenAiMessage } from '../../chat/chat.js';
import { UnsupportedFieldError } from '../../chat/chat-errors.js';
import { UNSIGNED } from '../../chat/thinking-blocks.js';
import { anthropicRequest } from './backend-request.js';

const MODELS = ['claude-sonnet-4-5', 'claude-opus-4-6', 'claude-opus-5-5'];

function requestOf(chat: OpenAiChat, model: string): unknown {
  const profile = profileOf('anthropic', model, null);
  return JSON.parse(
    JSON.stringify(anthropicRequest(adaptChat({ ...chat, model }, profile).chat, profile)),
  ) as unknown;
}

/** Blocks that Anthropic signed, and those of others. */
const block = fc.oneof(
  fc.string().map((thinking) => ({ type: 'thinking', thinking, signature: signatureOf(thinking) })),
  fc.constantFrom('', UNSIGNED).map((signature) => ({ type: 'thinking', thinking: 'of another', signature })),
  fc.constant({ type: 'redacted_thinking', data: 'redacted:a' }),
  fc.constant({ type: 'hologram' }),
);
const blocks = fc.option(fc.array(block, { maxLength: 3 }), { nil: undefined });
const withBlocks = (messages: readonly OpenAiMessage[], all: readonly unknown[]): readonly OpenAiMessage[] =>
  messages.map((message, index) =>
    message.role === 'assistant' && all[index] !== undefined
      ? { ...message, reasoning_content: 'r', thinking_blocks: all[index] }
      : message,
  );
const options = fc.record(
  {
    thinking: fc.constantFrom(
      { type: 'enabled', budget_tokens: 2000 },
      { type: 'enabled', budget_tokens: 150_000 },
      { type: 'adaptive' },
      { type: 'disabled' },
    ),
    max_completion_tokens: fc.constantFrom(3000, 200_000),
    temperature: fc.constantFrom(0.2, 1, 2),
    top_p: fc.constant(0.5),
    user: fc.constantFrom('user-7f3a', 'jane@example.com', '+49 170 1234567', 'Jane Doe', 'x'.repeat(300)),
    tool_choice: fc.constant('auto' as const),
  },
  { requiredKeys: [] },
);

describe('A request translated for Anthropic', () => {
  it('is taken by a server that refuses what Anthropic refuses, or is refused here by the name of a field', () => {
    fc.assert(
      fc.property(
        fc.oneof(wellFormedChat, anyChat),
        fc.array(blocks, { minLength: 20, maxLength: 20 }),
        options,
        fc.constantFrom(...MODELS),
        (chat, thinking, more, model) => {
          try {
            const sent = requestOf(
              { ...chat, ...more, messages: withBlocks(chat.messages, thinking) },
              model,
            );
            // Two tools of one name are the client's fault: the server's own words say so.
            expect([null, 'tools: Tool names must be unique.']).toContain(refusalOf(sent));
          } catch (error) {
            if (!(error instanceof UnsupportedFieldError)) throw error;
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
