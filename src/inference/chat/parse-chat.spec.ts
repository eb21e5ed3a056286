import { describe, expect, it } from 'vitest';
import { InvalidInputError } from '../../input/input-errors.js';
import { parseOpenAiChat } from './parse-chat.js';

const messages = [{ role: 'user', content: 'hi' }];

function fieldsOf(chat: object): readonly string[] {
  try {
    parseOpenAiChat({ model: 'm', messages, ...chat }, null);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    return error.details.map(({ field }) => field);
  }
}

describe('parseOpenAiChat', () => {
  it('takes the roles of the reference and no other, not even in other letters', () => {
    for (const role of ['system', 'developer', 'user', 'assistant', 'tool', 'function'])
      expect([role, fieldsOf({ messages: [{ role, content: 'x' }] })]).toEqual([role, []]);
    for (const role of ['AAA', 'User', 'model', '', 1, null])
      expect([role, fieldsOf({ messages: [{ role, content: 'x' }] })]).toEqual([role, ['messages[0].role']]);
  });

  it('checks both names of the limit, also where the other one is good', () => {
    for (const bad of [{}, 0, -1, 1.5, '5', true, [1]]) {
      expect(fieldsOf({ max_tokens: 5, max_completion_tokens: bad })).toEqual(['max_completion_tokens']);
      expect(fieldsOf({ max_tokens: bad, max_completion_tokens: 5 })).toEqual(['max_tokens']);
      expect(fieldsOf({ max_tokens: bad, max_completion_tokens: bad })).toHaveLength(2);
    }
    expect(fieldsOf({ max_tokens: null, max_completion_tokens: 5 })).toEqual([]);
    expect(parseOpenAiChat({ model: 'm', messages, max_completion_tokens: 5 }, null).maxTokens).toBe(5);
  });
});
