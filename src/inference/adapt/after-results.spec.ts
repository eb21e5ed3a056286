import { describe, expect, it } from 'vitest';
import { profileOf } from '../../registry/profiles/profile.js';
import type { OpenAiMessage } from '../chat/chat.js';
import { withAnswersAfterResults, withPassedAnswersAfterResults } from './after-results.js';

const ANSWER = '{"role":"assistant","content":"OK."},';
const CALLS =
  '{"role":"assistant","tool_calls":[{"id":"a"}]},{"role":"tool","tool_call_id":"a","content":"1"}';

describe('The user after results of tools', () => {
  it.each([
    [`[${CALLS} , {"role":"user","content":"2"}]`, `[${CALLS} , ${ANSWER}{"role":"user","content":"2"}]`],
    [`[${CALLS},{"role":"system"},${CALLS}]`, `[${CALLS},${ANSWER}{"role":"system"},${CALLS}]`],
    [
      `[${CALLS},{"content":"2", "role" : "us\\u0065r"}]`,
      `[${CALLS},${ANSWER}{"content":"2", "role" : "us\\u0065r"}]`,
    ],
  ])('comes after an answer of the assistant: %s', (messages, taken) => {
    const sent = Buffer.from(`{"model":"m", "messages" : ${messages},"n":1.0}`);
    expect(withPassedAnswersAfterResults(sent, false).toString()).toBe(
      `{"model":"m", "messages" : ${taken},"n":1.0}`,
    );
    expect(withPassedAnswersAfterResults(sent, true)).toBe(sent);
    const notes: string[] = [];
    const chat = { model: 'm', messages: JSON.parse(messages) as OpenAiMessage[] };
    const mistral = profileOf('openai', 'm', { vendor: 'mistral' });
    expect(withAnswersAfterResults(chat, mistral, (note) => notes.push(note)).messages).toEqual(
      JSON.parse(taken),
    );
    expect(notes).toHaveLength(1);
    expect(withAnswersAfterResults(chat, profileOf('openai', 'm', null), () => {})).toBe(chat);
  });

  it.each([
    `{"messages":[${CALLS}]}`,
    `{"messages":[${CALLS},{"role":"assistant","content":"x"},{"role":"user","content":"\\"tool\\""}]}`,
    `{"messages":[${CALLS},{"role":"user"`,
    `{"messages":{"role":"tool"}}`,
    `{"tool_choice":"tool"}`,
  ])('changes nothing where none is missing: %s', (text) => {
    const sent = Buffer.from(text);
    expect(withPassedAnswersAfterResults(sent, false)).toBe(sent);
  });
});
