import { describe, expect, it } from 'vitest';
import { presetFixture } from '../../../../test/fixtures/presets/fixture.js';
import { openAiAnswer } from './backend-response.js';
import { openAiReader } from './backend-stream.js';

const answered = (choice: object, more: object = {}) =>
  openAiAnswer(JSON.stringify({ choices: [choice], ...more }));
const streamed = (...chunks: readonly object[]) => {
  const reader = openAiReader();
  return chunks.flatMap((chunk) => reader({ data: JSON.stringify(chunk) }));
};
const chunk = (content: unknown, more: object = {}) => ({ choices: [{ delta: { content }, ...more }] });

/** What they do in their own way: the plain streams of each are read in presets.spec.ts. */
describe('servers that speak the API of OpenAI', () => {
  const thinking = [{ type: 'thinking', thinking: [{ type: 'text', text: 'by 2 is' }], closed: true }];
  const text = [
    { type: 'text', text: 'Four' },
    { type: 'reference', reference_ids: [1] },
  ];

  it('write a message in parts, and what they thought beside it: Mistral', () => {
    const message = { role: 'assistant', content: [...thinking, ...text], tool_calls: null };
    expect(answered({ message, finish_reason: 'stop' })).toMatchObject({
      text: 'Four',
      reasoning: 'by 2 is',
    });
    expect(streamed(chunk(thinking), chunk(text), chunk('!'))).toEqual([
      { kind: 'reasoning', text: 'by 2 is' },
      { kind: 'text', text: 'Four' },
      { kind: 'text', text: '!' },
    ]);
  });

  it('end where their own context does: Mistral', () => {
    const choice = { message: { content: 'and so' }, finish_reason: 'model_length' };
    expect(answered(choice)).toMatchObject({ finish: 'length' });
  });

  it('go on while their reason to end is empty: Baichuan', () => {
    expect(streamed(chunk('世', { finish_reason: '' }))).toEqual([{ kind: 'text', text: '世' }]);
  });

  it('count within the choice: Moonshot', () => {
    const usage = { prompt_tokens: 19, completion_tokens: 13, total_tokens: 32 };
    expect(streamed(chunk('', { finish_reason: 'stop', usage }))).toEqual([
      { kind: 'finish', reason: 'stop' },
      { kind: 'usage', usage: { input: 19, output: 13 } },
    ]);
  });

  it('fail in a chunk that looks like one of the answer: OpenRouter', () => {
    const { events = [], says = '' } = presetFixture('openrouter').stream?.broken ?? {};
    const reader = openAiReader();
    const read = () => events.map((event) => reader({ data: event.replace(/^data: /, '') }));
    expect(read).toThrow(says);
    expect(() => answered({ error: { message: 'gone' }, finish_reason: 'error' })).toThrow('gone');
    expect(() => answered({ message: { content: 'half' }, finish_reason: 'error' })).toThrow('broke off');
  });

  it('end with the mark of the end alone, once they have said something', () => {
    const events = (...data: readonly string[]) => {
      const reader = openAiReader();
      return data.flatMap((each) => reader({ data: each }));
    };
    const said = JSON.stringify(chunk('hi'));
    const stopped = JSON.stringify(chunk('', { finish_reason: 'length' }));
    expect(events(said, '[DONE]')).toEqual([
      { kind: 'text', text: 'hi' },
      { kind: 'finish', reason: 'stop' },
    ]);
    expect(events(said, stopped, '[DONE]')).toEqual([
      { kind: 'text', text: 'hi' },
      { kind: 'finish', reason: 'length' },
    ]);
    expect(events(JSON.stringify(chunk('')), '[DONE]')).toEqual([]);
  });

  it('name no error where there is none', () => {
    expect(answered({ message: { content: 'hi' } }, { error: null })).toMatchObject({ text: 'hi' });
    expect(streamed({ ...chunk('hi'), error: null })).toEqual([{ kind: 'text', text: 'hi' }]);
  });
});
