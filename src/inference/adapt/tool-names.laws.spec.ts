import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { profileOf } from '../../registry/profiles/profile.js';
import type { OpenAiChat } from '../chat/chat.js';
import { withToolNames } from './tool-names.js';

const ALLOWED = {
  openai: /^[a-zA-Z0-9_-]{1,64}$/,
  anthropic: /^[a-zA-Z0-9_-]{1,128}$/,
  gemini: /^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$/,
};
const whose = fc.constantFrom(...(Object.keys(ALLOWED) as (keyof typeof ALLOWED)[]));
/** Names that are long and alike, foreign, or already in order. */
const name = fc.oneof(
  fc.string({ minLength: 1, maxLength: 200 }),
  fc.constantFrom('a', 'b').map((last) => 'mcp__server__'.repeat(9) + last),
  fc.stringMatching(/^[a-z0-9_]{1,70}$/),
);
const tool = (of: string) => ({ type: 'function', function: { name: of } }) as const;
const chatOf = (names: readonly string[]): OpenAiChat => ({
  model: 'm',
  tools: names.map(tool),
  tool_choice: tool(names[0] ?? ''),
  messages: [
    {
      role: 'assistant',
      tool_calls: names.map((of, index) => ({
        ...tool(of),
        id: `${index}`,
        function: { name: of, arguments: '{}' },
      })),
    },
  ],
});
const named = (chat: OpenAiChat, rule: keyof typeof ALLOWED) =>
  withToolNames(chat, { ...profileOf('openai', 'm', null), tool_names: rule }, () => {});
const sentNames = ({ tools }: OpenAiChat) => (tools ?? []).map((each) => each.function.name);

describe('names of tools', () => {
  it('fit the rule, stay as many as they were, and come back as the client sent them', () => {
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 8 }), whose, (all, rule) => {
        const { chat, names } = named(chatOf(all), rule);
        const sent = sentNames(chat);
        for (const each of sent) expect(each).toMatch(ALLOWED[rule]);
        expect(new Set(sent).size).toBe(all.length);
        expect(sent.map((each) => names?.back(each) ?? each)).toEqual(all);
      }),
    );
  });

  it('are the same in tools, in the choice and in the calls of earlier turns', () => {
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 8 }), whose, (all, rule) => {
        const { chat } = named(chatOf(all), rule);
        const sent = sentNames(chat);
        const called = (chat.messages[0]?.tool_calls ?? []).map((call) => call.function.name);
        expect(called).toEqual(sent);
        expect(chat.tool_choice).toMatchObject({ function: { name: sent[0] } });
      }),
    );
  });

  it('stay where the rule allows them', () => {
    const chat = chatOf(['get_weather', 'b-2']);
    expect(named(chat, 'openai').chat).toBe(chat);
  });

  it('are the same in every turn, whatever tools are beside them', () => {
    const long = 'x'.repeat(200);
    const [first] = sentNames(named(chatOf([long]), 'openai').chat);
    const [, second] = sentNames(named(chatOf(['other', long]), 'openai').chat);
    expect(second).toBe(first);
  });
});
