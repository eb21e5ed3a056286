import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withReasoningBack } from './reasoning-back.js';

const FIELDS = ['reasoning_content', 'reasoning', 'thinking_blocks'] as const;
/** Names of the fields occur in texts, too. */
const text = fc.oneof(
  fc.string(),
  fc.constantFrom(...FIELDS.map((name) => `{"${name}":"x"}`), '"tool_calls"'),
);
const calls = fc.array(
  fc.record({
    id: fc.string(),
    type: fc.constant('function'),
    function: fc.record({ name: fc.constant('f'), arguments: text }),
  }),
  { maxLength: 2 },
);
const assistant = fc.record(
  {
    reasoning_content: fc.oneof(text, fc.constant(null)),
    role: fc.constant('assistant' as const),
    content: fc.oneof(text, fc.constant(null)),
    reasoning: text,
    tool_calls: calls,
    thinking_blocks: fc.array(fc.record({ type: fc.constant('thinking'), thinking: text })),
  },
  { requiredKeys: ['role'] },
);
const user = fc.record(
  { role: fc.constant('user' as const), content: text, reasoning: text },
  { requiredKeys: ['role'] },
);
const chat = fc.record({
  model: fc.constant('m'),
  reasoning: fc.constant({ effort: 'low' }),
  messages: fc.array(fc.oneof(assistant, user), { maxLength: 6 }),
});
type Message = Readonly<Record<string, unknown>>;

const bytesOf = (value: unknown, space?: number) => Buffer.from(JSON.stringify(value, null, space));
const changed = (value: unknown, field: Parameters<typeof withReasoningBack>[1], space = 0) =>
  JSON.parse(withReasoningBack(bytesOf(value, space), field).toString()) as unknown;

describe('The reasoning of earlier turns in a chat that is passed through', () => {
  it('is in each call of a tool where the server wants it, and every other message stays', () => {
    fc.assert(
      fc.property(
        chat,
        fc.constantFrom('reasoning_content' as const, 'reasoning' as const),
        fc.constantFrom(0, 2),
        (body, field, space) => {
          const other = field === 'reasoning' ? 'reasoning_content' : 'reasoning';
          const messages = body.messages.map((message: Message) => {
            const made = message['tool_calls'];
            if (!Array.isArray(made) || made.length === 0 || typeof message[field] === 'string')
              return message;
            return { ...message, [field]: typeof message[other] === 'string' ? message[other] : '' };
          });
          expect(changed(body, field, space)).toEqual({ ...body, messages });
        },
      ),
    );
  });

  it('stays as it is, byte for byte, where the server wants no such field or nothing has to change', () => {
    const plain = {
      model: 'm',
      messages: [{ role: 'assistant', content: 'the "reasoning" of "tool_calls"' }],
    };
    fc.assert(
      fc.property(
        fc.oneof(
          chat.map((body) => JSON.stringify(body)),
          fc.string(),
        ),
        (body) => {
          const bytes = Buffer.from(body);
          expect(withReasoningBack(bytes, 'none')).toBe(bytes);
          expect(withReasoningBack(bytes, 'thinking_blocks')).toBe(bytes);
        },
      ),
    );
    for (const field of ['reasoning_content', 'reasoning'] as const) {
      const bytes = bytesOf(plain);
      expect(withReasoningBack(bytes, field)).toBe(bytes);
    }
  });

  it('is left to the server in a body that is no valid chat', () => {
    for (const body of [
      '{"messages":[{"role":"assistant","reasoning":"x","tool_calls":[',
      '{"messages":{"role":"assistant","reasoning":"x","tool_calls":[]}}',
      '{"messages":["assistant","reasoning","tool_calls"]}',
      '{"messages":[{"role":"assistant","role":"assistant","reasoning":"x","tool_calls":[{}]}]}',
    ]) {
      const bytes = Buffer.from(body);
      expect(withReasoningBack(bytes, 'reasoning_content')).toBe(bytes);
    }
  });
});
