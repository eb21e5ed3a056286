import { LLMock } from '@copilotkit/aimock';
import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerOf } from '../../../../test/arbitraries/chat-answers.js';
import { providerJson } from '../../../../test/arbitraries/provider-json.js';
import type { ChatAnswer, ChatEvent, OpenAiChat } from '../../chat/chat.js';
import { ProtocolError } from '../../chat/chat-errors.js';
import { NeutralError } from '../../../upstream/upstream-errors.js';
import { geminiAnswer, geminiReader } from './backend-response.js';
import { geminiChatPath, geminiRequest } from './backend-request.js';
import { profileOf } from '../../../registry/profiles/profile.js';

const FLASH = profileOf('gemini', 'gemini-2.5-flash', null);

/** Predictable ids. */
const counting = (): (() => string) => {
  let made = 0;
  return () => `made_${made++}`;
};

const readAll = (responses: readonly unknown[]): readonly ChatEvent[] => {
  const reader = geminiReader(counting());
  const events = responses.flatMap((response) => reader({ data: JSON.stringify(response) }));
  return [...events, ...(reader.end?.() ?? [])];
};

/** Errors other than those that a reader may throw. */
const unexpectedErrors = (acts: readonly (() => unknown)[]): readonly unknown[] =>
  acts.flatMap((act) => {
    try {
      act();
      return [];
    } catch (error) {
      return error instanceof ProtocolError || error instanceof NeutralError ? [] : [error];
    }
  });

// Of the shape of https://ai.google.dev/api/generate-content#GenerateContentResponse, with the thoughts of
// https://ai.google.dev/gemini-api/docs/thinking and the calls of https://ai.google.dev/gemini-api/docs/function-calling
const CALLS = {
  candidates: [
    {
      content: {
        role: 'model',
        parts: [
          { text: 'Two cities.', thought: true },
          {
            functionCall: { name: 'get_current_temperature', args: { location: 'London' } },
            thoughtSignature: 'c2ln',
          },
          { functionCall: { id: 'own', name: 'get_current_temperature', args: { location: 'Rome' } } },
          { functionCall: { name: 'now' } },
        ],
      },
      finishReason: 'STOP',
      index: 0,
    },
  ],
  usageMetadata: {
    promptTokenCount: 40,
    cachedContentTokenCount: 8,
    candidatesTokenCount: 12,
    thoughtsTokenCount: 30,
    totalTokenCount: 82,
  },
  modelVersion: 'gemini-2.5-flash',
};

const CALLED: ChatAnswer = {
  text: null,
  reasoning: 'Two cities.',
  toolCalls: [
    {
      id: 'made_0',
      type: 'function',
      function: { name: 'get_current_temperature', arguments: '{"location":"London"}' },
      extra_content: { google: { thought_signature: 'c2ln' } },
    },
    {
      id: 'own',
      type: 'function',
      function: { name: 'get_current_temperature', arguments: '{"location":"Rome"}' },
    },
    { id: 'made_1', type: 'function', function: { name: 'now', arguments: '{}' } },
  ],
  finish: 'tool_calls',
  usage: { input: 40, output: 42, cached: 8, reasoning: 30 },
};

describe('The Gemini backend response', () => {
  it('throws only ProtocolError for malformed answers', () => {
    const response = fc.dictionary(
      fc.constantFrom('candidates', 'usageMetadata', 'promptFeedback', 'error'),
      fc.oneof(
        providerJson,
        fc.array(
          fc.record({
            content: fc.record({ parts: fc.array(providerJson) }),
            finishReason: fc.constantFrom('STOP', 'SAFETY', 'MALFORMED_FUNCTION_CALL'),
          }),
        ),
      ),
    );
    const body = fc.oneof(fc.jsonValue(), providerJson, response);
    fc.assert(
      fc.property(fc.array(body, { maxLength: 3 }), fc.string(), (bodies, text) => {
        const reader = geminiReader();
        const acts = bodies.flatMap((one) => [
          () => geminiAnswer(one),
          () => reader({ data: JSON.stringify(one) }),
        ]);
        const end = () => reader.end?.();
        expect(unexpectedErrors([() => reader({ data: text }), ...acts, end])).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('has the same thoughts, calls and usage whole and as a stream', () => {
    expect(geminiAnswer(CALLS, counting())).toEqual(CALLED);
    const [candidate] = CALLS.candidates;
    const parts = candidate?.content.parts ?? [];
    const stream = parts.map((part, index) => ({
      candidates: [
        { content: { parts: [part] }, ...(index === parts.length - 1 ? { finishReason: 'STOP' } : {}) },
      ],
      usageMetadata: CALLS.usageMetadata,
    }));
    expect(answerOf(readAll(stream))).toEqual(CALLED);
  });

  it('finishes at the end of the stream, even if text follows a finishReason', () => {
    const piece = (text: string, more = {}) => ({
      candidates: [{ content: { parts: [{ text }], role: 'model' }, ...more }],
    });
    expect(readAll([piece('Hel')])).toEqual([{ kind: 'text', text: 'Hel' }]);
    const stop = { finishReason: 'STOP' };
    expect(readAll([{ candidates: [stop] }, piece('Hel', stop), piece('lo', stop)])).toEqual([
      { kind: 'text', text: 'Hel' },
      { kind: 'text', text: 'lo' },
      { kind: 'finish', reason: 'stop' },
    ]);
    const usageMetadata = { promptTokenCount: 4, candidatesTokenCount: 2, totalTokenCount: 6 };
    expect(
      readAll([piece('Hel'), { ...piece('lo', { finishReason: 'MAX_TOKENS' }), usageMetadata }]),
    ).toEqual([
      { kind: 'text', text: 'Hel' },
      { kind: 'text', text: 'lo' },
      { kind: 'finish', reason: 'length' },
      { kind: 'usage', usage: { input: 4, output: 2 } },
    ]);
  });

  it.each([
    ['STOP', 'stop'],
    ['MAX_TOKENS', 'length'],
    ['SAFETY', 'content_filter'],
    ['RECITATION', 'content_filter'],
    ['BLOCKLIST', 'content_filter'],
    ['PROHIBITED_CONTENT', 'content_filter'],
    ['SPII', 'content_filter'],
    ['IMAGE_SAFETY', 'content_filter'],
    ['LANGUAGE', 'content_filter'],
    ['OTHER', 'content_filter'],
    ['NEW_TO_US', 'stop'],
  ])('translates the finishReason %s to %s', (finishReason, finish) => {
    const body = { candidates: [{ finishReason }] };
    expect(geminiAnswer(body)).toEqual({ text: '', toolCalls: [], finish, usage: null });
    expect(readAll([body])).toEqual([{ kind: 'finish', reason: finish }]);
  });

  it('is content_filter for a blocked prompt', () => {
    const body = {
      promptFeedback: { blockReason: 'PROHIBITED_CONTENT' },
      usageMetadata: { promptTokenCount: 7 },
    };
    expect(geminiAnswer(body)).toEqual({
      text: '',
      toolCalls: [],
      finish: 'content_filter',
      usage: { input: 7, output: 0 },
    });
  });

  // https://ai.google.dev/gemini-api/docs/thought-signatures
  it('returns the signatures of its calls, whole and from a stream', () => {
    const signature = fc.option(fc.base64String({ minLength: 4 }), { nil: undefined });
    fc.assert(
      fc.property(fc.array(signature, { minLength: 1, maxLength: 3 }), (signatures) => {
        const parts = signatures.map((thoughtSignature) => ({
          functionCall: { name: 'f', args: {} },
          ...(thoughtSignature === undefined ? {} : { thoughtSignature }),
        }));
        const body = { candidates: [{ content: { parts }, finishReason: 'STOP' }] };
        for (const { toolCalls: calls } of [geminiAnswer(body), answerOf(readAll([body]))]) {
          const answers = calls.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: '1' }));
          const { contents } = geminiRequest(
            { model: 'm', messages: [{ role: 'assistant', content: null, tool_calls: calls }, ...answers] },
            FLASH,
          ) as unknown as { readonly contents: readonly { readonly parts: readonly object[] }[] };
          expect(contents[1]?.parts).toEqual(
            calls.map(({ id }, index) => ({
              ...parts[index],
              functionCall: { id, name: 'f', args: {} },
            })),
          );
        }
      }),
    );
  });

  it('returns images as Markdown, but not drafts', () => {
    const inlineData = { mimeType: 'image/png', data: 'iVBO' };
    const audio = { mimeType: 'audio/wav', data: 'UklG' };
    const parts = [{ text: 'A cat: ' }, { inlineData, thought: true }, { inlineData }, { inlineData: audio }];
    const body = { candidates: [{ content: { parts }, finishReason: 'STOP' }] };
    const text = 'A cat: ![image](data:image/png;base64,iVBO)';
    expect([geminiAnswer(body).text, answerOf(readAll([body])).text]).toEqual([text, text]);
  });

  it('gives calls without an id new ids each time', () => {
    const body = { candidates: [{ content: { parts: [{ functionCall: { name: 'now' } }] } }] };
    const ids = [0, 1].map(() => geminiAnswer(body).toolCalls[0]?.id);
    expect(new Set(ids).size).toBe(2);
  });

  it('counts input of its own tools and thoughts as OpenAI does', () => {
    const usageMetadata = {
      promptTokenCount: 10,
      toolUsePromptTokenCount: 3,
      candidatesTokenCount: 4,
      thoughtsTokenCount: 5,
    };
    expect(geminiAnswer({ candidates: [{ finishReason: 'STOP' }], usageMetadata }).usage).toEqual({
      input: 13,
      output: 9,
      reasoning: 5,
    });
  });

  // https://ai.google.dev/gemini-api/docs/troubleshooting
  it.each([
    [
      { error: { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' } },
      'unavailable',
      'The model is overloaded.',
    ],
    [[{ error: { code: 429, message: 'Quota', status: 'RESOURCE_EXHAUSTED' } }], 'throttled', 'Quota'],
    [{ error: { code: 500, message: 'It broke', status: 'INTERNAL' } }, 'bad_answer', 'It broke'],
    [{}, 'bad_answer', 'the answer has no candidates'],
  ])('throws the message of a reported error, by its own kind: %j', (body, kind, message) => {
    expect(() => geminiAnswer(body)).toThrow(expect.objectContaining({ kind, message }));
  });

  it.each([
    'MALFORMED_FUNCTION_CALL',
    'MALFORMED_RESPONSE',
    'UNEXPECTED_TOOL_CALL',
    'TOO_MANY_TOOL_CALLS',
    'MISSING_THOUGHT_SIGNATURE',
  ])('is neutral for the worker if the model stopped with %s', (finishReason) => {
    const body = { candidates: [{ finishReason }] };
    const error = new NeutralError(`the model stopped without an answer: ${finishReason}`);
    for (const read of [() => geminiAnswer(body), () => readAll([body])]) {
      expect(read).toThrow(error);
      expect(read).toThrow(NeutralError);
    }
  });
});

describe('A simulated Gemini server', () => {
  const mock = new LLMock({ port: 0, host: '127.0.0.1' });
  beforeAll(async () => {
    mock.on({ userMessage: 'weather', hasToolResult: true }, { content: 'It is warm.' });
    mock.onMessage('weather', { toolCalls: [{ name: 'get_weather', arguments: '{"city":"Rome"}' }] });
    await mock.start();
  });
  afterAll(() => mock.stop());

  const chat: OpenAiChat = {
    model: 'm',
    messages: [{ role: 'user', content: 'The weather in Rome?' }],
    tools: [
      {
        type: 'function',
        function: {
          name: 'get_weather',
          parameters: { type: 'object', properties: { city: { type: 'string' } } },
        },
      },
    ],
  };

  async function send(request: OpenAiChat): Promise<ChatAnswer> {
    const stream = request.stream === true;
    const response = await fetch(`${mock.url}/v1beta${geminiChatPath('gemini-2.5-flash', stream)}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-goog-api-key': 'k' },
      body: JSON.stringify(geminiRequest(request, FLASH)),
    });
    const text = await response.text();
    if (!stream) return geminiAnswer(JSON.parse(text));
    const reader = geminiReader();
    const events: ChatEvent[] = [];
    createParser({ onEvent: ({ data }) => events.push(...reader({ data })) }).feed(text);
    return answerOf([...events, ...(reader.end?.() ?? [])]);
  }

  it.each([false, true])('completes a chat with a tool call (stream: %j)', async (stream) => {
    const called = await send({ ...chat, stream });
    expect(called.finish).toBe('tool_calls');
    expect(called.toolCalls[0]?.function).toEqual({ name: 'get_weather', arguments: '{"city":"Rome"}' });
    const answered = await send({
      ...chat,
      stream,
      messages: [
        ...chat.messages,
        { role: 'assistant', content: called.text, tool_calls: called.toolCalls },
        { role: 'tool', tool_call_id: called.toolCalls[0]?.id ?? '', content: '30 degrees' },
      ],
    });
    expect(answered).toMatchObject({ text: 'It is warm.', toolCalls: [], finish: 'stop' });
  });
});
