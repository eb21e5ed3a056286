import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileStreamExtract, type StreamExtractSpec } from '../../../template/stream-extract.js';
import type { ChatEvent } from '../../chat/chat.js';
import { ProtocolError } from '../../chat/chat-errors.js';
import { templateReader } from './stream.js';

/** All events that a reader returns for a stream that ends in order. */
function read(spec: StreamExtractSpec, events: readonly (object | string)[]): readonly ChatEvent[] {
  const reader = templateReader(compileStreamExtract(spec));
  const data = events.map((event) => (typeof event === 'string' ? event : JSON.stringify(event)));
  return [...data.flatMap((each) => reader({ data: each })), ...reader.end()];
}

const text = (content: string): ChatEvent => ({ kind: 'text', text: content });
const finish = (reason: 'stop' | 'length' = 'stop'): ChatEvent => ({ kind: 'finish', reason });
const textOf = (events: readonly ChatEvent[]) =>
  events.map((event) => (event.kind === 'text' ? event.text : '')).join('');

/** Chunks of text with characters of several bytes. */
const pieces = fc.array(fc.string({ unit: fc.constantFrom('a', ' ', '語', '😀', '\n') }), { maxLength: 8 });

describe('a stream of a template worker', () => {
  it('yields all text in order and finishes once, last, whatever its end marker', () => {
    const ends: readonly [Partial<StreamExtractSpec>, readonly (object | string)[]][] = [
      [{}, []],
      [{}, ['[DONE]']],
      [{ done: { data: 'bye' } }, ['bye']],
      [{ done: { path: 'done', equals: true } }, [{ done: true }]],
      [{ finish_reason: 'why' }, [{ why: 'eos_token' }]],
      [{ finish_reason: 'why' }, [{ why: 'stop' }, '[DONE]', 'whatever']],
    ];
    fc.assert(
      fc.property(pieces, fc.constantFrom(...ends), (texts, [spec, end]) => {
        const events = read({ text: 't', ...spec }, [...texts.map((t) => ({ t })), ...end]);
        expect(textOf(events)).toBe(texts.join(''));
        expect(events.at(-1)).toEqual(finish());
        expect(events.filter(({ kind }) => kind === 'finish')).toHaveLength(1);
      }),
    );
  });

  it('yields each chunk once if events repeat the whole text, even with unfinished characters', () => {
    fc.assert(
      fc.property(pieces, fc.boolean(), (all, showsUnfinished) => {
        // An unfinished character stays as it is if the finished one never follows.
        const texts = all.filter((each) => each !== '');
        const events = texts.flatMap((_text, at) => {
          const before = texts.slice(0, at).join('');
          return [
            ...(showsUnfinished ? [{ t: `${before}\uFFFD` }] : []),
            { t: before + texts[at] },
            { t: '' },
          ];
        });
        expect(textOf(read({ text: 't', delta: false }, events))).toBe(texts.join(''));
      }),
    );
  });

  it('continues once the text is longer again if the server shortens it', () => {
    const spec = { text: 't', delta: false };
    expect(textOf(read(spec, [{ t: 'Hello##' }, { t: 'Hello' }, { t: 'Hello## you' }]))).toBe('Hello## you');
    expect(textOf(read(spec, [{ t: 'odd \uFFFD' }]))).toBe('odd \uFFFD');
  });

  it('yields usage once, after the finish: the last one before it, or the first one behind it', () => {
    const spec = { text: 't', done: { data: '[DONE]' }, usage: { input: 'u.i', output: 'u.o' } };
    const usage = (output: number): ChatEvent => ({ kind: 'usage', usage: { input: 1, output } });
    expect(read(spec, [{ t: 'a', u: { i: 1, o: 1 } }, { t: 'b', u: { i: 1, o: 2 } }, '[DONE]'])).toEqual([
      text('a'),
      text('b'),
      finish(),
      usage(2),
    ]);
    expect(
      read({ ...spec, done: { path: 'end', equals: 1 } }, [
        { t: 'a', end: 1 },
        { u: { i: 1, o: 3 } },
        { u: { i: 1, o: 4 } },
      ]),
    ).toEqual([text('a'), finish(), usage(3)]);
  });

  it.each([
    ['length', 'length'],
    ['MAX_TOKENS', 'length'],
    ['eos_token', 'stop'],
    ['sensitive', 'content_filter'],
    ['tool_use', 'tool_calls'],
  ])('translates the finish reason %s to %s', (word, reason) => {
    expect(read({ text: 't', finish_reason: 'f' }, [{ t: 'a' }, { t: 'b', f: word }])).toEqual([
      text('a'),
      text('b'),
      { kind: 'finish', reason },
    ]);
  });

  it('continues after an unknown finish reason, and waits for its end marker', () => {
    const spec = { text: 't', finish_reason: 'f' };
    expect(
      read(spec, [
        { t: 'a', f: 'null' },
        { t: 'b', f: '' },
        { t: 'c', f: 'constructor' },
      ]),
    ).toEqual([text('a'), text('b'), text('c'), finish()]);
    const marked = { ...spec, done: { data: 'END' } };
    expect(read(marked, [{ t: 'a', f: 'length' }, { t: 'b' }, 'END'])).toEqual([
      text('a'),
      text('b'),
      finish('length'),
    ]);
  });

  it('yields nothing for events without text', () => {
    expect(
      read({ text: 'choices[].delta.content' }, [{ choices: [{ delta: { role: 'assistant' } }] }, '']),
    ).toEqual([finish()]);
  });

  it.each<[string, object | string, string]>([
    ['of Ollama', { error: 'model is gone' }, ': model is gone'],
    ['of vLLM', { error: { message: 'EngineCore died', code: 500 } }, ': EngineCore died'],
    ['of FastChat', { text: 'NETWORK ERROR', error_code: 50002 }, ': NETWORK ERROR'],
    ['that is long', { error: 'x'.repeat(2001) }, `: ${'x'.repeat(2000)}`],
    ['without a message', { error: true }, ''],
  ])('throws the message of an error %s', (_server, event, words) => {
    const what = 'the upstream reported an error within its stream';
    const failing = () => read({ text: 't' }, [{ t: 'a' }, event]);
    expect(failing).toThrow(new ProtocolError(what + words));
    const named = () => templateReader(compileStreamExtract({ text: '' }))({ name: 'error', data: 'oh no' });
    expect(named).toThrow(new ProtocolError(`${what}: oh no`));
  });

  it('throws a ProtocolError without the content if it is cut off or broken', () => {
    const marked = { text: 't', done: { data: '[DONE]' } };
    expect(() => read(marked, [{ t: 'a' }])).toThrow('the stream ended before its end marker');
    for (const bad of ['{"t":"sec', 'secret']) {
      const reading = () => read(marked, [{ t: 'a' }, bad]);
      expect(reading).toThrow(ProtocolError);
      expect(reading).not.toThrow(/sec/);
    }
  });
});
