import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatEvent } from '../../chat/chat.js';
import { ResponsesEventWriter } from './event-writer.js';
import { echoOf, wholeResponse } from './response-object.js';

const HEAD = { id: 'r1', created: 1, model: 'm' };
type Written = Readonly<Record<string, unknown>> & { readonly type: string };

/** A text, a reasoning or a piece of one of three calls; the first piece of a call names it. */
const piece = fc.oneof(
  fc.record({
    kind: fc.constantFrom('text' as const, 'reasoning' as const),
    text: fc.string({ minLength: 1 }),
  }),
  fc.record({ kind: fc.constant('tool_call' as const), index: fc.nat(2), arguments: fc.string() }),
);
const answer = fc
  .record({
    pieces: fc.array(piece),
    reason: fc.constantFrom('stop', 'length', 'tool_calls', 'content_filter'),
  })
  .map(({ pieces, reason }): readonly ChatEvent[] => {
    const named = new Set<number>();
    const events = pieces.map((each): ChatEvent => {
      if (each.kind !== 'tool_call' || named.has(each.index)) return each;
      named.add(each.index);
      return { ...each, id: `c${each.index}`, name: `n${each.index}` };
    });
    return [
      ...events,
      { kind: 'finish', reason },
      { kind: 'usage', usage: { input: 3, output: 5 } },
    ] as readonly ChatEvent[];
  });

function read(text: string): readonly Written[] {
  return text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => {
      const [name, data] = event.split('\n');
      const parsed = JSON.parse(data?.slice('data: '.length) ?? '') as Written;
      expect(name).toBe(`event: ${parsed.type}`);
      return parsed;
    });
}

const written = (
  events: readonly ChatEvent[],
  end: (writer: ResponsesEventWriter) => string,
): readonly Written[] => {
  const writer = new ResponsesEventWriter(HEAD, echoOf({}));
  const pieces = events.map((event) => writer.event(event)).join('');
  return read(pieces + end(writer));
};

describe('the events of a response', () => {
  it('are numbered without a gap, begin with response.created and end once', () => {
    fc.assert(
      fc.property(answer, (events) => {
        const all = written(events, (writer) => writer.end());
        expect(all.map(({ sequence_number }) => sequence_number)).toEqual(all.map((_, index) => index));
        expect(all.slice(0, 2).map(({ type }) => type)).toEqual(['response.created', 'response.in_progress']);
        expect(all.filter(({ type }) => /^response\.(completed|incomplete|failed)$/.test(type))).toEqual([
          all.at(-1),
        ]);
      }),
    );
  });

  it('say in deltas what each item holds when it is done, and list these items at the end', () => {
    fc.assert(
      fc.property(answer, (events) => {
        const all = written(events, (writer) => writer.end());
        const texts = new Map<unknown, string>();
        for (const { type, item_id, delta } of all)
          if (type.endsWith('.delta')) texts.set(item_id, (texts.get(item_id) ?? '') + String(delta));
        const done = all
          .filter(({ type }) => type === 'response.output_item.done')
          .toSorted((a, b) => Number(a['output_index']) - Number(b['output_index']))
          .map(({ item }) => item as Readonly<Record<string, unknown>>);
        for (const item of done) {
          const [part] = (item['content'] ?? []) as readonly { readonly text: string }[];
          expect(part?.text ?? item['arguments']).toBe(texts.get(item['id']) ?? '');
        }
        expect(all.at(-1)?.['response']).toMatchObject({ output: done });
      }),
    );
  });

  it('close every item that they open, at the place where it was opened', () => {
    fc.assert(
      fc.property(answer, (events) => {
        const all = written(events, (writer) => writer.end());
        const places = (type: string) =>
          all
            .flatMap((event) => (event.type === type ? [Number(event['output_index'])] : []))
            .toSorted((a, b) => a - b);
        expect(places('response.output_item.done')).toEqual(places('response.output_item.added'));
      }),
    );
  });

  it('end with response.failed and the next number where the answer broke off', () => {
    fc.assert(
      fc.property(answer, fc.nat(20), (events, cut) => {
        const all = written(events.slice(0, cut), (writer) => writer.failed('gone', 'server_error'));
        expect(all.at(-1)).toMatchObject({
          type: 'response.failed',
          sequence_number: all.length - 1,
          response: { id: 'resp_mmm_r1', status: 'failed', error: { code: 'server_error', message: 'gone' } },
        });
      }),
    );
  });

  it('are not ended where the answer has no end', () => {
    expect(() => written([{ kind: 'text', text: 'a' }], (writer) => writer.end())).toThrow(
      'before it was complete',
    );
  });
});

describe('a whole response', () => {
  it('is incomplete with the reason where the limit cut it', () => {
    const cut = { text: 'Too lo', toolCalls: [], finish: 'length', usage: null } as const;
    expect(wholeResponse(HEAD, echoOf({ max_output_tokens: 2 }), cut, false)).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      max_output_tokens: 2,
      output: [{ type: 'message', content: [{ type: 'output_text', text: 'Too lo' }] }],
    });
  });
});
