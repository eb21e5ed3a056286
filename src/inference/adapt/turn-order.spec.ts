import { describe, expect, it } from 'vitest';
import { profileOf } from '../../registry/profiles/profile.js';
import type { OpenAiMessage } from '../chat/chat.js';
import { PrefixCutter } from './prefix-cutter.js';
import { withPassedTurnOrder, withTurnOrder } from './turn-order.js';

const ANSWER = '{"role":"assistant","content":"OK."},';
const CALLS =
  '{"role":"assistant","tool_calls":[{"id":"a"}]},{"role":"tool","tool_call_id":"a","content":"1"}';

const MISTRAL = profileOf('openai', 'm', { vendor: 'mistral' });
const ANY = profileOf('openai', 'm', null);
const [USER, SYSTEM] = ['{"role":"user","content":"2"}', '{"role":"system","content":"3"}'];
const AS_USER = '{"role":"user","content":"3"}';
const BEGUN = '{"role":"assistant","content":"The"}';
const FLAGGED = '{"prefix":true,"role":"assistant","content":"The"}';

describe('The order of turns at Mistral', () => {
  it.each([
    ['has the assistant after results', `[${CALLS} , ${USER}]`, `[${CALLS} , ${ANSWER}${USER}]`],
    [
      'has the assistant after results, with a role in escapes',
      `[${CALLS},{"content":"2", "role" : "us\\u0065r"}]`,
      `[${CALLS},${ANSWER}{"content":"2", "role" : "us\\u0065r"}]`,
    ],
    [
      'has late instructions as the user’s, after results',
      `[${CALLS},${SYSTEM},${CALLS}]`,
      `[${CALLS},${ANSWER}${AS_USER},${CALLS}]`,
    ],
    [
      'has late instructions as the user’s, after the assistant',
      `[${USER},${BEGUN},${SYSTEM},${SYSTEM}]`,
      `[${USER},${BEGUN},${AS_USER},${AS_USER}]`,
    ],
    ['has the user at the end', `[${USER},${SYSTEM}]`, `[${USER},${AS_USER}]`],
    ['has the user in a chat of instructions alone', `[${SYSTEM}]`, `[${AS_USER}]`],
    [
      'has instructions of a developer as the user’s',
      `[${USER},{"role":"developer","content":"3"}]`,
      `[${USER},${AS_USER}]`,
    ],
    ['has the begun answer with its flag', `[${USER}, ${BEGUN} ]`, `[${USER}, ${FLAGGED} ]`],
  ])('%s', (_what, messages, taken) => {
    const sent = Buffer.from(`{"model":"m", "messages" : ${messages},"n":1.0}`);
    expect(withPassedTurnOrder(sent, MISTRAL).toString()).toBe(
      `{"model":"m", "messages" : ${taken},"n":1.0}`,
    );
    expect(withPassedTurnOrder(sent, ANY)).toBe(sent);
    const notes: string[] = [];
    const chat = { model: 'm', messages: JSON.parse(messages) as OpenAiMessage[] };
    const ordered = withTurnOrder(chat, MISTRAL, (note) => notes.push(note));
    expect(ordered.messages).toEqual(JSON.parse(taken));
    expect(notes.length).toBeGreaterThan(0);
    expect(withTurnOrder(chat, ANY, () => {})).toBe(chat);
  });

  it.each([
    `{"messages":[${CALLS}]}`,
    `{"messages":[${CALLS},${BEGUN},{"role":"user","content":"\\"tool\\""}]}`,
    `{"messages":[${SYSTEM},${SYSTEM},${USER},${BEGUN},${USER},${SYSTEM},${USER}]}`,
    `{"messages":[${USER},{"role":"assistant","prefix":false,"content":"The"}]}`,
    `{"messages":[${USER},{"role":"assistant","tool_calls":[{"id":"a"}]}]}`,
    `{"messages":[${CALLS},{"role":"user"`,
    `{"messages":[${CALLS},"user"]}`,
    `{"messages":{"role":"tool"}}`,
    `{"tool_choice":"tool"}`,
  ])('stays as it is where it is taken: %s', (text) => {
    const sent = Buffer.from(text);
    expect(withPassedTurnOrder(sent, MISTRAL)).toBe(sent);
  });
});

describe('The beginning of an answer that the server repeats', () => {
  const textOf = (pieces: readonly string[]) => {
    const cutter = new PrefixCutter('The');
    const events = [
      ...pieces.map((text) => ({ kind: 'text' as const, text })),
      { kind: 'finish' as const, reason: 'stop' as const },
    ];
    return events
      .flatMap((event) => cutter.event(event))
      .map((event) => (event.kind === 'text' ? event.text : `<${event.kind}>`));
  };

  it.each([
    [['The cat'], [' cat', '<finish>']],
    [
      ['T', 'h', 'e', ' cat', 'The'],
      [' cat', 'The', '<finish>'],
    ],
    [['The'], ['<finish>']],
    [['Th'], ['Th', '<finish>']],
    [
      ['Th', 'at', 'The'],
      ['That', 'The', '<finish>'],
    ],
    [[' cat'], [' cat', '<finish>']],
  ])('is cut from its stream, and nothing else is: %j', (pieces, texts) => {
    expect(textOf(pieces)).toEqual(texts);
  });

  it('is cut from a whole answer', () => {
    const whole = (text: string | null) =>
      new PrefixCutter('The').answer({ text, toolCalls: [], finish: 'stop', usage: null }).text;
    expect([whole('The cat'), whole('A cat'), whole(null)]).toEqual([' cat', 'A cat', null]);
  });
});
