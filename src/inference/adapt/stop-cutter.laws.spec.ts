import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatEvent } from '../chat/chat.js';
import { StopCutter } from './stop-cutter.js';

/** Few letters, so that sequences begin, break off and overlap. */
const few = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 30 });
const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\n'), minLength: 1, maxLength: 4 }), {
  minLength: 1,
  maxLength: 3,
});
const END: readonly ChatEvent[] = [
  { kind: 'finish', reason: 'length' },
  { kind: 'usage', usage: { input: 1, output: 2 } },
];

function streamed(pieces: readonly string[], all: readonly string[]): readonly ChatEvent[] {
  const cutter = new StopCutter(all);
  return [...pieces.map((text) => ({ kind: 'text', text }) as const), ...END].flatMap((event) =>
    cutter.event(event),
  );
}
const textOf = (events: readonly ChatEvent[]) =>
  events.map((event) => (event.kind === 'text' ? event.text : '')).join('');
const whole = (text: string, all: readonly string[]) =>
  new StopCutter(all).answer({ text, toolCalls: [], finish: 'length', usage: null });

describe('a text with stop sequences', () => {
  it('ends before the first of them, wherever the stream is split', () => {
    fc.assert(
      fc.property(fc.array(few, { maxLength: 8 }), stops, (pieces, all) => {
        const text = textOf(streamed(pieces, all));
        expect(all.some((stop) => text.includes(stop))).toBe(false);
        expect(text).toBe(whole(pieces.join(''), all).text);
      }),
    );
  });

  it('keeps its usage, and finishes once', () => {
    fc.assert(
      fc.property(fc.array(few, { maxLength: 8 }), stops, (pieces, all) => {
        const events = streamed(pieces, all);
        expect(events.filter(({ kind }) => kind === 'finish')).toHaveLength(1);
        expect(events.at(-1)).toEqual(END[1]);
        const { finish: reason, stopSequence } = whole(pieces.join(''), all);
        const finish = { kind: 'finish', reason, ...(stopSequence === undefined ? {} : { stopSequence }) };
        expect(events.find(({ kind }) => kind === 'finish')).toEqual(finish);
      }),
    );
  });

  it('that came whole is cut at the first, without the calls that follow it', () => {
    const call = { id: 'c', type: 'function', function: { name: 'n', arguments: '{}' } } as const;
    const answer = { text: 'one\n\ntwo END', toolCalls: [call], finish: 'tool_calls', usage: null } as const;
    expect(new StopCutter(['END', '\n\n']).answer(answer)).toMatchObject({
      stopSequence: '\n\n',
      text: 'one',
      toolCalls: [],
      finish: 'stop',
      usage: null,
    });
    expect(new StopCutter(['none']).answer(answer)).toBe(answer);
  });
});
