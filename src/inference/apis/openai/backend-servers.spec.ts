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

/** Deviations from OpenAI; the usual streams of each are read in the preset tests. */
describe('OpenAI-compatible servers', () => {
  const thinking = [{ type: 'thinking', thinking: [{ type: 'text', text: 'by 2 is' }], closed: true }];
  const text = [
    { type: 'text', text: 'Four' },
    { type: 'reference', reference_ids: [1] },
  ];

  it('may send a message as parts with thinking (Mistral)', () => {
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

  it('may finish at the context limit of the model (Mistral)', () => {
    const choice = { message: { content: 'and so' }, finish_reason: 'model_length' };
    expect(answered(choice)).toMatchObject({ finish: 'length' });
  });

  it('may send an empty finish_reason while the answer goes on (Baichuan)', () => {
    expect(streamed(chunk('世', { finish_reason: '' }))).toEqual([{ kind: 'text', text: '世' }]);
  });

  it('may send usage in the choice (Moonshot)', () => {
    const usage = { prompt_tokens: 19, completion_tokens: 13, total_tokens: 32 };
    expect(streamed(chunk('', { finish_reason: 'stop', usage }))).toEqual([
      { kind: 'finish', reason: 'stop' },
      { kind: 'usage', usage: { input: 19, output: 13 } },
    ]);
  });

  it('may report an error in a chunk (OpenRouter)', () => {
    const { events = [], says = '' } = presetFixture('openrouter').stream?.broken ?? {};
    const reader = openAiReader();
    const read = () => events.map((event) => reader({ data: event.replace(/^data: /, '') }));
    expect(read).toThrow(says);
    expect(() => answered({ error: { message: 'gone' }, finish_reason: 'error' })).toThrow('gone');
    expect(() => answered({ message: { content: 'half' }, finish_reason: 'error' })).toThrow('is incomplete');
  });

  it('may finish with the end marker alone after some content', () => {
    const events = (...data: readonly string[]) => {
      const reader = openAiReader();
      return data.flatMap((each) => reader({ data: each }));
    };
    const hi = JSON.stringify(chunk('hi'));
    const stopped = JSON.stringify(chunk('', { finish_reason: 'length' }));
    expect(events(hi, '[DONE]')).toEqual([
      { kind: 'text', text: 'hi' },
      { kind: 'finish', reason: 'stop' },
    ]);
    expect(events(hi, stopped, '[DONE]')).toEqual([
      { kind: 'text', text: 'hi' },
      { kind: 'finish', reason: 'length' },
    ]);
    expect(events(JSON.stringify(chunk('')), '[DONE]')).toEqual([]);
  });

  it('are not in error when no error is reported', () => {
    expect(answered({ message: { content: 'hi' } }, { error: null })).toMatchObject({ text: 'hi' });
    expect(streamed({ ...chunk('hi'), error: null })).toEqual([{ kind: 'text', text: 'hi' }]);
  });
});
