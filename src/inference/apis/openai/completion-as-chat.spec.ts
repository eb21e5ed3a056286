import { describe, expect, it } from 'vitest';
import { UnsupportedFieldError } from '../../chat/chat-errors.js';
import { completionAsChat } from './completion-as-chat.js';

describe('completionAsChat', () => {
  it('makes the prompt one message of the user and keeps the options', () => {
    const body = {
      model: 'm',
      prompt: 'once',
      max_tokens: 9,
      stop: ['\n'],
      temperature: 0,
      seed: 1,
      odd: 'x',
    };
    expect(completionAsChat(body, [{ role: 'user', content: 'once' }])).toEqual({
      model: 'm',
      messages: [{ role: 'user', content: 'once' }],
      max_tokens: 9,
      stop: ['\n'],
      temperature: 0,
      seed: 1,
      odd: 'x',
    });
  });

  it.each([
    ['echo', true, [false, null]],
    ['logprobs', 0, [null]],
    ['logprobs', 5, [null]],
    ['suffix', 'the end', ['', null]],
    ['best_of', 3, [1, null]],
  ])('refuses %s: %j, and leaves it out where its value changes nothing', (name, wanted, neutral) => {
    const body = { model: 'm', prompt: 'x' };
    const messages = [{ role: 'user', content: 'x' }];
    expect(() => completionAsChat({ ...body, [name]: wanted }, messages)).toThrow(UnsupportedFieldError);
    expect(() => completionAsChat({ ...body, [name]: wanted }, messages)).toThrow(`${name}: `);
    for (const value of neutral)
      expect(completionAsChat({ ...body, [name]: value }, messages)).not.toHaveProperty(name);
  });
});
