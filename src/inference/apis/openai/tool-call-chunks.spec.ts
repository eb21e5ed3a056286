import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerOf } from '../../../../test/arbitraries/chat-answers.js';
import { toolCalls } from '../../../../test/arbitraries/chats.js';
import type { OpenAiToolCall } from '../../chat/chat.js';
import { openAiReader } from './backend-stream.js';

type Numbers = 'right' | 'all 0' | 'none';
type Ids = 'once' | 'always' | 'never';

interface Piece {
  readonly index?: number;
  readonly id?: string;
  readonly function: { readonly name?: string; readonly arguments: unknown };
}

const numbers = fc.constantFrom<Numbers>('right', 'all 0', 'none');
const ids = fc.constantFrom<Ids>('once', 'always', 'never');
const calls = toolCalls.map((all) => all.filter(({ id }) => id !== ''));
/** Never empty, so that a call ends where the next one starts. */
const wholeCalls = calls.map((all) =>
  all.map((call) => ({ ...call, function: { ...call.function, arguments: '{"a":{}}' } })),
);

function numbered(style: Numbers, index: number): { readonly index?: number } {
  return style === 'none' ? {} : { index: style === 'right' ? index : 0 };
}

/** A call in three chunks: its name, and its arguments in two halves. */
function piecesOf(call: OpenAiToolCall, index: number, style: Numbers, named: Ids): readonly Piece[] {
  const { name, arguments: text } = call.function;
  const middle = Math.ceil(text.length / 2);
  return [
    { name, arguments: '' },
    { arguments: text.slice(0, middle) },
    { arguments: text.slice(middle) },
  ].map((called, at) => ({
    ...numbered(style, index),
    ...(named === 'always' || (named === 'once' && at === 0) ? { id: call.id } : {}),
    function: called,
  }));
}

function read(pieces: readonly Piece[], reason = 'tool_calls') {
  let made = 0;
  const reader = openAiReader(() => `made_${made++}`);
  const chunks = [
    ...pieces.map((piece) => ({ choices: [{ delta: { tool_calls: [piece] }, finish_reason: null }] })),
    { choices: [{ delta: {}, finish_reason: reason }] },
  ];
  return answerOf(chunks.flatMap((chunk) => reader({ data: JSON.stringify(chunk) }))).toolCalls;
}

const withMadeIds = (all: readonly OpenAiToolCall[]): readonly OpenAiToolCall[] =>
  all.map((call, index) => ({ ...call, id: `made_${index}` }));

describe('The tool calls of a stream', () => {
  it('are the same for every numbering and position of ids', () => {
    fc.assert(
      fc.property(calls, numbers, fc.constantFrom<Ids>('once', 'always'), (all, style, named) => {
        expect(read(all.flatMap((call, index) => piecesOf(call, index, style, named)))).toEqual(all);
      }),
    );
  });

  it('are the same with interleaved chunks, if each names its call', () => {
    const shuffled = fc
      .record({ all: calls, style: numbers, named: ids })
      .filter(({ style, named }) => style === 'right' || named === 'always')
      .chain(({ all, style, named }) => {
        const first = all.flatMap((call, index) => piecesOf(call, index, style, named).slice(0, 1));
        const rest = all.map((call, index) => piecesOf(call, index, style, named).slice(1));
        const turns = fc.shuffledSubarray(
          rest.flatMap((_, index) => [index, index]),
          {
            minLength: rest.length * 2,
          },
        );
        return turns.map((order) => {
          const queues = rest.map((pieces) => [...pieces]);
          const pieces = [...first, ...order.flatMap((index) => queues[index]?.splice(0, 1) ?? [])];
          return { all: named === 'never' ? withMadeIds(all) : all, pieces };
        });
      });
    fc.assert(
      fc.property(shuffled, ({ all, pieces }) => {
        expect(read(pieces)).toEqual(all);
      }),
    );
  });

  it('are the same when each comes in one chunk, without id, as text or as an object', () => {
    fc.assert(
      fc.property(wholeCalls, numbers, fc.boolean(), (all, style, isText) => {
        const pieces = all.map(({ function: { name, arguments: text } }, index) => ({
          ...numbered(style, index),
          function: { name, arguments: isText ? text : (JSON.parse(text) as unknown) },
        }));
        expect(read(pieces)).toEqual(withMadeIds(all));
      }),
    );
  });

  it('are named once, even if a server repeats the name in every chunk', () => {
    const reader = openAiReader();
    const piece = { index: 0, id: 'a', function: { name: 'f', arguments: '{' } };
    const chunk = JSON.stringify({ choices: [{ delta: { tool_calls: [piece] } }] });
    expect([...reader({ data: chunk }), ...reader({ data: chunk })]).toEqual([
      { kind: 'tool_call', index: 0, id: 'a', name: 'f', arguments: '{' },
      { kind: 'tool_call', index: 0, arguments: '{' },
    ]);
  });

  it('ignore empty chunks', () => {
    expect(read([{ index: 0, function: { arguments: '' } }], 'stop')).toEqual([]);
  });
});
