import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { profileOf } from '../../registry/profiles/profile.js';
import type { ChatEvent, OpenAiChat } from '../chat/chat.js';
import { withPropertyNames } from './property-names.js';

const FITTING = /^[a-zA-Z0-9_.-]{1,64}$/;
const profile = profileOf('anthropic', 'claude-sonnet-4-5', null);
const name = fc.oneof(
  fc.constantFrom('$filter', 'größe', 'grösse', 'user name', 'user_name', 'x'.repeat(70), 'a"b', 'a\\\\b:'),
  fc.string({ minLength: 1, maxLength: 80 }).filter((each) => each !== '__proto__'),
);
const names = fc.uniqueArray(name, { minLength: 2, maxLength: 8 });

/** A tool with the last name inside the others, and a call of it. */
function chatOf([inner = '', ...outer]: readonly string[], text: string): OpenAiChat {
  const object = (keys: readonly string[], property: object) => ({
    type: 'object',
    properties: Object.fromEntries(keys.map((key) => [key, property])),
    required: keys,
  });
  const list = { type: 'array', items: { anyOf: [object([inner], { type: 'integer' }), { type: 'null' }] } };
  const parameters = object(outer, list) as never;
  return {
    model: 'm',
    tools: [{ type: 'function', function: { name: 'f', parameters } }],
    messages: [
      {
        role: 'assistant',
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: text } }],
      },
    ],
  };
}

const argumentsOf = ([inner = '', ...outer]: readonly string[]) =>
  `{${outer.map((key) => `${JSON.stringify(key)} : [{${JSON.stringify(inner)}:2512292042121000001}]`).join(', ')}}`;

function keysOf(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) =>
    key === 'properties'
      ? [...Object.keys(one as object), ...keysOf(Object.values(one as object))]
      : keysOf(one),
  );
}

describe('Names of parameters', () => {
  it('fit, stay as many as they were, and come back in arguments, whole and streamed', () => {
    fc.assert(
      fc.property(names, fc.nat(60), (all, at) => {
        const text = argumentsOf(all);
        const original = chatOf(all, text);
        const { chat, adapter } = withPropertyNames(original, profile, () => {});
        const sent = keysOf(chat.tools);
        for (const key of sent) expect(key).toMatch(FITTING);
        expect(new Set(sent).size).toBe(all.length);
        const calls = chat.messages[0]?.tool_calls ?? [];
        const sentText = calls[0]?.function.arguments ?? '';
        const own = adapter?.();
        const answer = { text: null, toolCalls: calls, finish: 'tool_calls', usage: null } as const;
        expect((own?.answer(answer) ?? answer).toolCalls[0]?.function.arguments).toBe(text);
        const parts = [sentText.slice(0, at), sentText.slice(at)];
        const events: ChatEvent[] = [
          { kind: 'tool_call', index: 0, id: 'c', name: 'f', arguments: '' },
          ...parts.map((part) => ({ kind: 'tool_call', index: 0, arguments: part }) as const),
          { kind: 'finish', reason: 'tool_calls' },
        ];
        const got = events.flatMap((event) => own?.event(event) ?? [event]);
        expect(got.map((event) => (event.kind === 'tool_call' ? event.arguments : '')).join('')).toBe(text);
        expect(got.at(-1)).toEqual({ kind: 'finish', reason: 'tool_calls' });
      }),
    );
  });

  it('are renamed with the list of those that are required', () => {
    const { chat } = withPropertyNames(chatOf(['a', '$filter'], '{}'), profile, () => {});
    const parameters = chat.tools?.[0]?.function.parameters as { properties: object; required: unknown };
    expect(parameters.required).toEqual(Object.keys(parameters.properties));
  });

  it('stay where all of them fit', () => {
    const chat = chatOf(['a', 'b.c', 'd-e'], '{}');
    expect(withPropertyNames(chat, profile, () => {}).chat).toBe(chat);
  });

  it('leave a cut text of arguments as it is', () => {
    const { chat } = withPropertyNames(chatOf(['a', '$filter'], '{"$filter": "Z'), profile, () => {});
    expect(chat.messages[0]?.tool_calls?.[0]?.function.arguments).toBe('{"$filter": "Z');
  });
});
