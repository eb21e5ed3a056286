import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { profileOf } from '../../registry/profiles/profile.js';
import type { OpenAiChat } from '../chat/chat.js';
import { withCallIds } from './call-ids.js';
import { withTakenCallIds } from './passed-call-ids.js';

const MISTRAL = profileOf('openai', 'mistral-small', { vendor: 'mistral' });
const id = fc.oneof(fc.string(), fc.constantFrom('call_1', 'toolu_01', 'Abc123xyz'));
const content = fc.oneof(fc.string(), fc.constantFrom('"tool_call_id":"x"', '{"tool_calls":[{"id":"x"}]}'));
const message = fc.oneof(
  fc.record({ role: fc.constant('user'), content }),
  fc.record({ role: fc.constant('tool'), tool_call_id: id, content }),
  fc.record({
    role: fc.constant('assistant'),
    content,
    tool_calls: fc.array(
      fc.record({
        function: fc.record({ name: fc.constant('f'), arguments: content }),
        id,
        index: fc.nat(3),
      }),
      { maxLength: 3 },
    ),
  }),
);
const chat = fc.record({
  model: fc.constant('m'),
  id: fc.constant('call_1'),
  messages: fc.array(message, { maxLength: 6 }),
});

describe('The ids of calls in a chat that is passed through to Mistral', () => {
  it('are those of a translated chat, and nothing else changes', () => {
    fc.assert(
      fc.property(chat, fc.constantFrom(0, 2), (body, space) => {
        const bytes = Buffer.from(JSON.stringify(body, null, space));
        const sent: unknown = JSON.parse(withTakenCallIds(bytes, 'mistral').toString());
        expect(sent).toEqual(withCallIds(body as unknown as OpenAiChat, MISTRAL, () => {}));
      }),
    );
  });

  it('stay, byte for byte, where the server takes any id or the body is no valid chat', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          chat.map((body) => JSON.stringify(body)),
          fc.string(),
        ),
        (body) => {
          const bytes = Buffer.from(body);
          expect(withTakenCallIds(bytes, 'any')).toBe(bytes);
        },
      ),
    );
    for (const body of [
      '{"messages":[{"tool_calls":[1,',
      '{"messages":[{"tool_calls":[1]}]}',
      '{"messages":"tool_calls"}',
    ]) {
      const bytes = Buffer.from(body);
      expect(withTakenCallIds(bytes, 'mistral')).toBe(bytes);
    }
  });
});
