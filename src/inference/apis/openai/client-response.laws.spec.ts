import fc from 'fast-check';
import type { StreamWriter } from '../../client/response-format.js';
import { describe, expect, it } from 'vitest';
import type { ChatAnswer, ChatEvent, FinishReason } from '../../chat/chat.js';
import { openAiAnswer } from './backend-response.js';
import { openAiReader } from './backend-stream.js';
import { ChatChunks, chatCompletion, textCompletion, TextChunks } from './client-response.js';
import { eventsOf } from '../../chat/tool-calls.js';

const HEAD = { id: 'x', created: 1, model: 'm' };
const text = fc.string({ unit: 'binary', minLength: 1 });
const finish = fc.constantFrom<FinishReason>('stop', 'length', 'tool_calls', 'content_filter');
const usage = fc.option(
  fc.record({ input: fc.nat(), output: fc.nat(), cached: fc.nat(), reasoning: fc.nat() }),
);
const toolCalls = fc.array(
  fc.record({
    id: text,
    type: fc.constant('function' as const),
    function: fc.record({ name: text, arguments: fc.json() }),
  }),
  { maxLength: 3 },
);
const answers: fc.Arbitrary<ChatAnswer> = fc
  .record({ text: fc.option(text), reasoning: text, toolCalls, finish, usage })
  // A tool call finishes with tool_calls.
  .filter(({ toolCalls: calls, finish: reason }) => calls.length === 0 || reason !== 'stop');

/** The stream as a client reads it. */
function read(writer: StreamWriter, events: readonly ChatEvent[]): readonly ChatEvent[] {
  const stream = events.map((event) => writer.event(event)).join('') + writer.end();
  const reader = openAiReader();
  const data = stream.split('\n\n').filter((event) => event !== '');
  expect(data.at(-1)).toBe('data: [DONE]');
  return data.flatMap((event) => reader({ data: event.replace(/^data: /, '') }));
}

describe('An answer in the format of OpenAI', () => {
  it('is read back unchanged when whole', () => {
    fc.assert(
      fc.property(answers, (answer) => {
        expect(openAiAnswer(JSON.stringify(chatCompletion(HEAD, answer)))).toEqual(answer);
      }),
    );
  });

  it('is read back unchanged from a stream', () => {
    fc.assert(
      fc.property(answers, (answer) => {
        const events = eventsOf(answer);
        expect(read(new ChatChunks(HEAD, true), events)).toEqual(events);
        // Without include_usage there is no usage.
        const withoutUsage = events.filter(({ kind }) => kind !== 'usage');
        expect(read(new ChatChunks(HEAD, false), events)).toEqual(withoutUsage);
      }),
    );
  });

  it('of /completions contains the text, the finish reason and the usage', () => {
    fc.assert(
      fc.property(answers, (full) => {
        const answer: ChatAnswer = {
          text: full.text ?? '',
          toolCalls: [],
          // /completions has no tools.
          finish: full.finish === 'tool_calls' ? 'stop' : full.finish,
          usage: full.usage,
        };
        expect(openAiAnswer(JSON.stringify(textCompletion(HEAD, answer)))).toEqual(answer);
        const events = eventsOf(answer).filter((event) => event.kind !== 'text' || event.text !== '');
        expect(read(new TextChunks(HEAD, true), events)).toEqual(events);
      }),
    );
  });
});
