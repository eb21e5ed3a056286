import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { profileOf } from '../../registry/profiles/profile.js';
import type { OpenAiChat } from '../chat/chat.js';
import { withCallIds } from './call-ids.js';
import { withTakenCallIds } from './passed-call-ids.js';

const id = fc.oneof(
  fc.string(),
  fc.constantFrom('call_1', 'toolu_01', 'Abc123xyz', 'long'.repeat(11), 'ü'.repeat(41)),
);
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
const RESULT = { role: 'tool', tool_call_id: 'of another call, '.repeat(3), content: '' };
const chat = fc.record({
  model: fc.constant('m'),
  id: fc.constant('call_1'),
  messages: fc.array(message, { maxLength: 6 }),
});

describe.each(['mistral', 'openai'] as const)(
  'The ids of calls in a chat that is passed through to %s',
  (whose) => {
    const profile = profileOf('openai', 'm', { call_ids: whose });

    it('are those of a translated chat, and nothing else changes', () => {
      fc.assert(
        fc.property(chat, fc.constantFrom(0, 2), (body, space) => {
          // OpenAI refuses calls without a result: they stay as they are.
          const given = whose === 'openai' ? [...body.messages, RESULT] : body.messages;
          const sentBody = { ...body, messages: given };
          const bytes = Buffer.from(JSON.stringify(sentBody, null, space));
          const sent: unknown = JSON.parse(withTakenCallIds(bytes, whose).toString());
          expect(sent).toEqual(withCallIds(sentBody as unknown as OpenAiChat, profile, () => {}));
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
        expect(withTakenCallIds(bytes, whose)).toBe(bytes);
      }
    });
  },
);
