import fc from 'fast-check';
import { expect, it } from 'vitest';
import { profileOf } from '../../registry/profiles/profile.js';
import type { OpenAiChat } from '../chat/chat.js';
import { withCallIds } from './call-ids.js';

const PROFILE = profileOf('openai', 'm', { call_ids: 'mistral' });
const id = fc.oneof(
  fc.string({ minLength: 1, maxLength: 60 }),
  fc.stringMatching(/^[a-zA-Z0-9]{9}$/),
  fc.nat(20).map((nth) => `toolu_${nth}`),
);
const chatOf = (ids: readonly string[], order: readonly string[]): OpenAiChat => ({
  model: 'm',
  messages: [
    { role: 'user', content: 'x' },
    {
      role: 'assistant',
      tool_calls: ids.map((each) => ({
        id: each,
        type: 'function',
        function: { name: 'n', arguments: '{}' },
      })),
    },
    ...order.map((each) => ({ role: 'tool', tool_call_id: each, content: each })),
  ],
});
const sentBy = ({ messages }: OpenAiChat) => (messages[1]?.tool_calls ?? []).map((call) => call.id);

it('Ids of calls are nine letters and digits, stay as many as they were, and results stay with their calls', () => {
  fc.assert(
    fc.property(fc.uniqueArray(id, { minLength: 1, maxLength: 8 }), (ids) => {
      const chat = withCallIds(chatOf(ids, ids.toReversed()), PROFILE, () => {});
      const sent = sentBy(chat);
      for (const each of sent) expect(each).toMatch(/^[a-zA-Z0-9]{9}$/);
      expect(new Set(sent).size).toBe(ids.length);
      const results = chat.messages.slice(2).map((result) => result.tool_call_id);
      expect(results).toEqual(sent.toReversed());
    }),
  );
});

it('Ids of calls that fit stay, and the same id is the same in every turn', () => {
  const fitting = chatOf(['abcdefg12'], ['abcdefg12']);
  expect(withCallIds(fitting, PROFILE, () => {})).toBe(fitting);
  const [first] = sentBy(withCallIds(chatOf(['toolu_1'], []), PROFILE, () => {}));
  const [, second] = sentBy(withCallIds(chatOf(['toolu_2', 'toolu_1'], []), PROFILE, () => {}));
  expect(second).toBe(first);
});
