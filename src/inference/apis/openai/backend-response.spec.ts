import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyAnswer, answerOf, eventsOf } from '../../../../test/arbitraries/chat-answers.js';
import { providerJson } from '../../../../test/arbitraries/provider-json.js';
import type { ChatAnswer } from '../../chat/chat.js';
import { ProtocolError } from '../../chat/chat-errors.js';
import { ChatChunks, chatCompletion } from './client-response.js';
import { openAiAnswer } from './backend-response.js';
import { openAiReader } from './backend-stream.js';

const HEAD = { id: 'x', created: 1, model: 'm' };

/** Predictable ids for calls without one. */
const noId = () => '';
const readAll = (chunks: readonly string[]) => {
  const reader = openAiReader(noId);
  return chunks.flatMap((data) => reader({ data }));
};
const chunk = (delta: object, more: object = {}) =>
  JSON.stringify({ choices: [{ index: 0, delta, finish_reason: null, ...more }] });

describe('The answer of an OpenAI-compatible server', () => {
  it('is the same whole and in chunks', () => {
    fc.assert(
      fc.property(anyAnswer, (answer) => {
        expect(openAiAnswer(JSON.stringify(chatCompletion(HEAD, answer)), noId)).toEqual(
          withoutNothing(answer),
        );
        const writer = new ChatChunks(HEAD, true);
        const wire =
          eventsOf(answer)
            .map((event) => writer.event(event))
            .join('') + writer.end();
        const data = [...wire.matchAll(/^data: (.*)$/gm)].map(([, each = '']) => each);
        const read = answerOf(readAll(data));
        expect({ ...read, text: read.text ?? '' }).toEqual({
          ...withoutNothing(answer),
          text: answer.text ?? '',
        });
      }),
    );
  });

  it('throws only ProtocolError when malformed', () => {
    fc.assert(
      fc.property(fc.oneof(providerJson, fc.jsonValue(), fc.string()), (body) => {
        const text = typeof body === 'string' ? body : JSON.stringify(body);
        for (const act of [() => openAiAnswer(text), () => readAll([text])])
          expect(outcome(act)).toSatisfy((thrown) => thrown === null || thrown instanceof ProtocolError);
      }),
    );
  });

  it.each<[string, string, string]>([
    // [vllm-project/vllm, vllm/entrypoints/openai/serving_engine.py]; SGLang and llama.cpp alike
    [
      'vLLM',
      '{"error":{"message":"EngineCore died","type":"InternalServerError","code":500}}',
      'EngineCore died',
    ],
    ['others', '{"error":"out of memory"}', 'out of memory'],
    // [lm-sys/FastChat, fastchat/serve/openai_api_server.py]
    ['FastChat', '{"text":"**NETWORK ERROR**","error_code":50002}', '**NETWORK ERROR**'],
    // https://openrouter.ai/docs/api/reference/errors-and-debugging
    [
      'OpenRouter',
      '{"error":{"code":502,"message":"Provider died"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}',
      'Provider died',
    ],
    [
      'a server that reports it as finish_reason only',
      chunk({}, { finish_reason: 'error' }),
      'finish_reason is "error"',
    ],
  ])('throws the error message of %s, whole and in a stream', (_server, data, words) => {
    expect(() => readAll([chunk({ content: 'Hello' }), data, '[DONE]'])).toThrow(words);
    expect(() => openAiAnswer(data)).toThrow(ProtocolError);
  });

  it.each([
    ['stop', 'tool_calls'],
    ['', 'tool_calls'],
    ['length', 'length'],
    ['content_filter', 'content_filter'],
  ])('translates finish_reason "%s" after a tool call to %s', (reason, finish) => {
    const call = { index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } };
    const message = { role: 'assistant', content: null, tool_calls: [call] };
    const whole = JSON.stringify({ choices: [{ message, finish_reason: reason }] });
    expect(openAiAnswer(whole).finish).toBe(finish);
    if (reason === '') return;
    const chunks = [chunk({ tool_calls: [call] }), chunk({}, { finish_reason: reason }), '[DONE]'];
    expect(readAll(chunks).at(-1)).toEqual({ kind: 'finish', reason: finish });
  });

  // https://platform.openai.com/docs/guides/structured-outputs/refusals
  it('contains the refusal of the model and finishes with content_filter', () => {
    const message = { role: 'assistant', content: null, refusal: "I can't" };
    const whole = openAiAnswer(JSON.stringify({ choices: [{ message, finish_reason: 'stop' }] }));
    const chunks = [
      chunk({ role: 'assistant', content: '', refusal: null }),
      chunk({ refusal: 'I ' }),
      chunk({ refusal: "can't" }),
      chunk({}, { finish_reason: 'stop' }),
    ];
    for (const answer of [whole, answerOf(readAll(chunks))])
      expect(answer).toMatchObject({ text: "I can't", finish: 'content_filter' });
  });

  it('is not an error if its error is null', () => {
    const whole = { error: null, choices: [{ message: { content: 'hi' }, finish_reason: 'stop' }] };
    expect(openAiAnswer(JSON.stringify(whole)).text).toBe('hi');
  });
});

/** Empty reasoning is left out, and tool calls finish with tool_calls. */
function withoutNothing({ reasoning, ...rest }: ChatAnswer): ChatAnswer {
  const finish = rest.finish === 'stop' && rest.toolCalls.length > 0 ? 'tool_calls' : rest.finish;
  return { ...rest, ...((reasoning ?? '') === '' ? {} : { reasoning: reasoning ?? '' }), finish };
}

function outcome(act: () => unknown): unknown {
  try {
    act();
    return null;
  } catch (error) {
    return error;
  }
}
