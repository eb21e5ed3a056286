import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { profileOf } from '../../registry/profiles/profile.js';
import type { OpenAiChat } from '../chat/chat.js';
import { withCallIds } from './call-ids.js';

const RULES = [
  { whose: 'mistral', taken: /^[a-zA-Z0-9]{9}$/, fitting: 'abcdefg12', other: 'toolu_1' },
  { whose: 'openai', taken: /^.{1,40}$/su, fitting: 'ü'.repeat(40), other: 'call_'.repeat(9) },
] as const;
const id = fc.oneof(
  fc.string({ minLength: 1, maxLength: 60 }),
  fc.nat(20).map((nth) => `${'long'.repeat(12)}_${nth}`),
  fc.constantFrom('call_', 'call_5feceb66ffc86f38d9527867'),
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

describe.each(RULES)('Ids of calls for $whose', ({ whose, taken, fitting, other }) => {
  const profile = profileOf('openai', 'm', { call_ids: whose });

  it('have its form, stay as many as they were, and results stay with their calls', () => {
    fc.assert(
      fc.property(fc.uniqueArray(id, { minLength: 1, maxLength: 8 }), (ids) => {
        const chat = withCallIds(chatOf(ids, ids.toReversed()), profile, () => {});
        const sent = sentBy(chat);
        for (const each of sent) expect(each).toMatch(taken);
        expect(new Set(sent).size).toBe(ids.length);
        const results = chat.messages.slice(2).map((result) => result.tool_call_id);
        expect(results).toEqual(sent.toReversed());
      }),
    );
  });

  it('stay where they fit, and the same id is the same in every turn', () => {
    const chat = chatOf([fitting], [fitting]);
    expect(withCallIds(chat, profile, () => {})).toBe(chat);
    const [first] = sentBy(withCallIds(chatOf([other], []), profile, () => {}));
    const [, second] = sentBy(withCallIds(chatOf([`${other}2`, other], []), profile, () => {}));
    expect(second).toBe(first);
    expect(first).not.toBe(other);
  });
});
