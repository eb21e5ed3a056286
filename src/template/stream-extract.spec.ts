import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printPath, valueAt } from './json-path.js';
import { ExtractError, follow } from './response-extract.js';
import { compileStreamExtract, type StreamExtractSpec } from './stream-extract.js';
import { TemplateError } from './template-error.js';
import { compileUsageExtract } from './usage-extract.js';
import { anyText, hundreds } from '../../test/arbitraries/template.js';

const steps = fc.array(
  fc.oneof(fc.constantFrom('a', 'b', '__proto__', 'length', 'constructor'), fc.integer({ min: -3, max: 3 })),
  { maxLength: 4 },
);
const answer = fc.jsonValue({ maxDepth: 3 }).map((value) => ({ a: value, b: [value, { a: value }] }));
const path = steps.map((each) => printPath(each.map((step) => (typeof step === 'number' ? step + 0 : step))));

function outcome(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}

describe('a path for events', () => {
  it('finds the same as response_extract, and undefined where that throws', () => {
    fc.assert(
      fc.property(steps, answer, (way, value) => {
        const loud = outcome(() => follow(value, way).value);
        expect(valueAt(value, way)).toBe(loud instanceof ExtractError ? undefined : loud);
      }),
      hundreds,
    );
  });
});

describe('stream_extract', () => {
  it('reads any event, or throws ExtractError and nothing else', () => {
    const events = fc.oneof(
      answer.map((value) => JSON.stringify(value)),
      anyText,
    );
    fc.assert(
      fc.property(path, path, path, events, (text, finish_reason, usage, event) => {
        const extract = compileStreamExtract({
          text,
          finish_reason,
          usage: { input: usage, output: usage },
          done: { path: finish_reason, equals: 'stop' },
        });
        expect(outcome(() => extract.read(event).text)).toSatisfy(
          (read) => typeof read === 'string' || read instanceof ExtractError,
        );
      }),
      hundreds,
    );
  });

  it.each<[string, Partial<StreamExtractSpec>, string, object]>([
    ['the text', {}, '{"a":"hi"}', { text: 'hi', done: false, usage: null, failed: false }],
    ['a number as text', {}, '{"a":7}', { text: '7' }],
    ['no text where there is none', {}, '{"role":"assistant"}', { text: '' }],
    ['no text where it is null', {}, '{"a":null}', { text: '' }],
    ['[DONE], which is not declared', {}, '[DONE]', { done: true, text: '' }],
    ['a declared mark', { done: { data: 'END' } }, ' END ', { done: true }],
    [
      'a member that says done',
      { done: { path: 'd', equals: true } },
      '{"a":"x","d":true}',
      { done: true, text: 'x' },
    ],
    ['a member that does not', { done: { path: 'd', equals: true } }, '{"d":"true"}', { done: false }],
    ['null, which is not missing', { done: { path: 'd', equals: null } }, '{"a":"x"}', { done: false }],
    ['why it ended', { finish_reason: 'f' }, '{"f":"length"}', { finishReason: 'length' }],
    ['nothing for why it goes on', { finish_reason: 'f' }, '{"f":null}', { finishReason: null }],
    [
      'usage',
      { usage: { input: 'u[0]', output: 'u[-1]' } },
      '{"u":[3,4]}',
      { usage: { input: 3, output: 4 } },
    ],
    ['half a usage as none', { usage: { input: 'i', output: 'o' } }, '{"i":3}', { usage: null }],
    ['an error', {}, '{"error":{"message":"out of memory"}}', { failed: true }],
    ['no error beside text', {}, '{"a":"x","error":"none"}', { failed: false }],
    ['no error in a null', {}, '{"error":null}', { failed: false }],
    ['an error beside its words', {}, '{"a":"NETWORK ERROR","error_code":50002}', { failed: true }],
    ['no error in a code of 0', {}, '{"a":"x","error_code":0}', { failed: false }],
    ['raw text', { text: '' }, ' hello', { text: ' hello' }],
    ['a JSON string as its value', { text: '' }, '"hel\\nlo"', { text: 'hel\nlo' }],
    ['raw text that looks like a mark', { text: '' }, '[DONE]', { text: '[DONE]', done: false }],
  ])('reads %s', (_what, spec, event, piece) => {
    expect(compileStreamExtract({ text: 'a', ...spec }).read(event)).toMatchObject(piece);
  });

  it.each<[string, unknown, Partial<StreamExtractSpec>, string, boolean]>([
    ['code', 0, {}, '{"a":"x","code":0}', false],
    ['code', 0, {}, '{"a":"out of memory","code":7}', true],
    ['code', 0, {}, '{"a":"x"}', false],
    ['fault', null, {}, '{"a":"x","fault":null}', false],
    ['fault', null, {}, '{"a":"x","fault":"oh"}', true],
    ['code', 0, { text: '' }, 'no JSON', false],
    ['done', true, { done: { path: 'done', equals: true } }, '{"a":"x","done":false}', false],
  ])(
    'with %s = %j as success_when and %j reports a failure for %s: %s',
    (where, equals, spec, event, failed) => {
      const extract = compileStreamExtract({ text: 'a', ...spec }, 'stream_extract', { path: where, equals });
      expect(extract.read(event).failed).toBe(failed);
    },
  );

  it.each<[Partial<StreamExtractSpec>, string]>([
    [
      { text: 'a..b' },
      'stream_extract.text: column 3: expected a name; other keys are written ["like this"]',
    ],
    [
      { done: { path: 'a[', equals: 1 } },
      'stream_extract.done.path: column 3: expected "]", a number or a quoted key',
    ],
    [
      { done: { path: 'a', equals: undefined } },
      'stream_extract.done.equals: must be a string, a number, true, false or null; it is missing',
    ],
    [
      { done: { data: ' ' } },
      'stream_extract.done.data: must not be empty: every pause would end the answer',
    ],
    [{ finish_reason: '.a' }, 'stream_extract.finish_reason: column 1: '],
    [{ usage: { input: 'i', output: 'o]' } }, 'stream_extract.usage.output: column 2: expected "." or "["'],
  ])('rejects %j', (spec, problem) => {
    const compile = () => compileStreamExtract({ text: 'a', ...spec });
    expect(compile).toThrow(TemplateError);
    expect(compile).toThrow(problem);
  });
});

describe('usage_extract', () => {
  const usage = compileUsageExtract({ input: 'usage.in', output: 'usage.out' });

  it.each([
    ['{"usage":{"in":1,"out":0}}', { input: 1, output: 0 }],
    ['{"usage":{"in":1}}', null],
    ['{"usage":{"in":-1,"out":1}}', null],
    ['{"usage":{"in":1.5,"out":1}}', null],
    ['{"usage":{"in":"1","out":1}}', null],
    ['I cost nothing', null],
  ])('of %s is %j', (text, counts) => {
    expect(usage.from(text)).toEqual(counts);
  });

  it('names the faulty field', () => {
    expect(() => compileUsageExtract({ input: 'a', output: '[' })).toThrow('usage_extract.output: column 2');
  });
});
