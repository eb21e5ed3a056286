import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyAnswer, eventsOf } from '../../../test/arbitraries/chat-answers.js';
import { ChatChunks, chatCompletion } from '../apis/openai/client-response.js';
import { AnthropicEventWriter } from '../apis/anthropic/event-writer.js';
import { anthropicMessage } from '../apis/anthropic/message.js';
import { UsageScanner } from './usage-scanner.js';

const head = { id: 'chatcmpl-1', created: 1, model: 'm' };
/** Texts that look like a usage. */
const answers = fc
  .record({
    answer: anyAnswer,
    bait: fc.constantFrom(
      '',
      '"usage":{"prompt_tokens":1,"completion_tokens":1}',
      '{"usage": {',
      '\\"usage\\":{}',
    ),
  })
  .map(({ answer, bait }) => ({ ...answer, text: `${answer.text ?? ''}${bait}` }));

function usageOfStream(...pieces: readonly string[]) {
  return usageIn(true, pieces);
}

function usageOfAnswer(answer: string) {
  return usageIn(false, [answer]);
}

function usageIn(isEvents: boolean, pieces: readonly string[]) {
  const usage = new UsageScanner(isEvents);
  for (const piece of pieces) usage.scan(Buffer.from(piece));
  return usage.usage;
}

function usageOfParts(answer: string, partBytes: number) {
  const usage = new UsageScanner(false);
  const bytes = Buffer.from(answer);
  for (let at = 0; at < bytes.length; at += partBytes) usage.scanPart(bytes.subarray(at, at + partBytes));
  return usage.usage;
}

/** The two counts that all APIs report. */
function counts(usage: { readonly input: number; readonly output: number } | null) {
  return usage === null ? null : [usage.input, usage.output];
}

describe('the usage of an answer that passes through', () => {
  it('is found in OpenAI’s answers, whatever their text looks like', () => {
    fc.assert(
      fc.property(answers, fc.constantFrom(0, 1, 2), (answer, indent) => {
        const text = JSON.stringify(chatCompletion(head, answer), null, indent);
        expect(counts(usageOfAnswer(text))).toEqual(counts(answer.usage));
        expect(counts(usageOfStream(text))).toEqual(counts(answer.usage));
      }),
    );
  });

  it('is found in an answer that is not held, however it is cut into parts', () => {
    fc.assert(
      fc.property(
        answers,
        fc.constantFrom(0, 2),
        fc.integer({ min: 1, max: 99 }),
        (answer, indent, partBytes) => {
          const text = JSON.stringify(chatCompletion(head, answer), null, indent);
          expect(counts(usageOfParts(text, partBytes))).toEqual(counts(answer.usage));
        },
      ),
    );
  });

  it('is found in OpenAI’s streams, in however many pieces the events come', () => {
    fc.assert(
      fc.property(answers, fc.boolean(), (answer, inOne) => {
        const chunks = new ChatChunks(head, true);
        const events = [...eventsOf(answer).map((event) => chunks.event(event)), chunks.end()];
        const pieces = inOne ? [events.join('')] : events;
        expect(counts(usageOfStream(...pieces))).toEqual(counts(answer.usage));
      }),
    );
  });

  it('is found in Anthropic’s answers and streams', () => {
    fc.assert(
      fc.property(answers, fc.boolean(), (answer, inOne) => {
        const of = { id: 'msg_1', model: 'm' };
        const writer = new AnthropicEventWriter(of);
        const events = [...eventsOf(answer).map((event) => writer.write(event)), writer.end()];
        const expected = counts(answer.usage) ?? [0, 0];
        expect(counts(usageOfAnswer(JSON.stringify(anthropicMessage(answer, of))))).toEqual(expected);
        expect(counts(usageOfStream(...(inOne ? [events.join('')] : events)))).toEqual(expected);
      }),
    );
  });

  it.each([
    ['', null],
    ['{"usage":null}', null],
    ['{"a":"usage"}', null],
    ['{"usage":{"prompt_tokens":"7"}}', null],
    ['{"usage":{"prompt_tokens":7', null],
    [`{"usage":{"x":"${'x'.repeat(10_000)}","prompt_tokens":7}}`, null],
    ['{"usage":{"prompt_tokens":7,"total_tokens":7}}', [7, 0]],
    ['{"usage":{"prompt_tokens":7,"completion_tokens":3},"error":null}', [7, 3]],
    ['data: {"usage":{"prompt_tokens":7,"completion_tokens":1}}\n\ndata: {"usage":null}\n\n', [7, 1]],
    [
      '{"usage":{"input_tokens":36,"input_tokens_details":{"cached_tokens":8},"output_tokens":87,"total_tokens":123}}',
      [36, 87],
    ],
    [
      '{"usage":{"input_tokens":1,"cache_read_input_tokens":20,"cache_creation_input_tokens":300,"output_tokens":4}}',
      [321, 4],
    ],
  ])('of %s is %j', (text, expected) => {
    expect(counts(usageOfStream(text))).toEqual(expected);
  });

  it('is non-negative and whole, or nothing', () => {
    const numbers = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(1e300, -1, 1.5, '7', null, [], {}));
    const shapes = fc.constantFrom(
      ['prompt_tokens', 'completion_tokens'],
      ['input_tokens', 'output_tokens', 'cache_read_input_tokens'],
    );
    fc.assert(
      fc.property(shapes, fc.array(numbers, { minLength: 3, maxLength: 3 }), (names, values) => {
        const usage = Object.fromEntries(names.map((name, i) => [name, values[i]]));
        const text = JSON.stringify({ usage });
        for (const found of [usageOfStream(`data: ${text}\n\n`), usageOfAnswer(text)])
          for (const count of Object.values(found ?? {}))
            expect(count).toSatisfy((value: number) => Number.isSafeInteger(value) && value >= 0);
      }),
    );
  });

  const bait = '"usage":{"prompt_tokens":900,"completion_tokens":800}';
  it.each([
    [
      `{"usage":{"prompt_tokens":7,"completion_tokens":3},"choices":[{"message":{"meta":{${bait}}}}]}`,
      [7, 3],
    ],
    [
      `{"content":[{"type":"tool_use","input":{${bait}}}],"usage":{"input_tokens":4,"output_tokens":2}}`,
      [4, 2],
    ],
    [`{"content":[{"type":"tool_use","input":{${bait}}}]}`, null],
    [`{"usage":{"prompt_tokens":7},"usage":{"prompt_tokens":8}}`, null],
    ['{"usage":null}', null],
  ])('is the outermost one of the whole answer %s', (text, expected) => {
    expect(counts(usageOfAnswer(text))).toEqual(expected);
  });
});
