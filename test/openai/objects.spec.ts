import * as fc from 'fast-check';
import OpenAI from 'openai';
import { ChatCompletionStream } from 'openai/lib/ChatCompletionStream';
import { describe, expect, it } from 'vitest';
import {
  ChatChunks,
  chatCompletion,
  TextChunks,
  textCompletion,
} from '../../src/inference/apis/openai/client-response.js';
import { openAiErrorEvent } from '../../src/inference/apis/openai/openai-error.js';
import { base64Of, embeddingList, imagesIn, listedModel } from '../../src/inference/apis/openai/lists.js';
import type { ChatCompletionChunk, CompletionUsage } from '../../src/inference/apis/openai/objects.js';
import type { VideoObject } from '../../src/inference/apis/videos/video-view.js';
import { openAiEnvelope } from '../../src/errors/envelopes.js';
import { problemOf } from '../../src/errors/problem.js';
import { UnsupportedFieldError } from '../../src/inference/chat/chat-errors.js';
import { UpstreamRejectedError } from '../../src/upstream/upstream-errors.js';
import { anyAnswer, eventsOf } from '../arbitraries/chat-answers.js';

const HEAD = { id: 'x', created: 1, model: 'm' };
const ANSWER = { text: 'hi', toolCalls: [], finish: 'stop', usage: null } as const;

describe('An answer in the OpenAI format', () => {
  it('has the types of the official client', () => {
    const chat: OpenAI.ChatCompletion = chatCompletion(HEAD, ANSWER);
    const chunk = (given: ChatCompletionChunk): OpenAI.ChatCompletionChunk => given;
    const text: OpenAI.Completion = textCompletion(HEAD, ANSWER);
    const embeddings: OpenAI.CreateEmbeddingResponse = embeddingList([[1, 2]], 'm', null);
    const images: OpenAI.ImagesResponse = { created: 1, data: imagesIn('https://a/b.png') };
    const usage = (given: CompletionUsage): OpenAI.CompletionUsage => given;
    const error: OpenAI.ErrorObject = openAiEnvelope(problemOf(new Error('x'))).error;
    // Of sizes, the client knows OpenAI's own only.
    const video = (given: VideoObject): Omit<OpenAI.Video, 'size'> => given;
    const model: OpenAI.Model = listedModel({ name: 'm', workers: [] });
    expect([chat.object, text.object, embeddings.object, images.created, model.object]).toEqual([
      'chat.completion',
      'text_completion',
      'list',
      1,
      'model',
    ]);
    expect([chunk.length, usage.length, video.length]).toEqual([1, 1, 1]);
    expect(error).toMatchObject({ type: expect.any(String) as string, param: null });
  });

  it('is an error that the official client reads, also within a stream', () => {
    const seen = [
      openAiEnvelope(problemOf(new UnsupportedFieldError('tools', 'not supported'))),
      openAiEnvelope(problemOf(new UpstreamRejectedError(429, { retryAfterMs: 1000 }))),
      JSON.parse(openAiErrorEvent(new Error('cut')).replace(/^data: /, '')) as { error: unknown },
    ].map((body) => OpenAI.APIError.generate(400, body, undefined, new Headers()));
    for (const error of seen) {
      expect(Object.keys(error.error as object).toSorted()).toEqual(['code', 'message', 'param', 'type']);
      expect(error.type).toMatch(/^[a-z_]+$/);
      expect(error.message).toMatch(/^400 ./);
    }
    expect(seen.map(({ param }) => param)).toEqual(['tools', null, null]);
  });

  it('is a /completions stream that the official client joins', () => {
    const writer = new TextChunks(HEAD, true);
    const wire =
      eventsOf({ ...ANSWER, usage: { input: 3, output: 5, cached: 1, reasoning: 2 } })
        .map((event) => writer.event(event))
        .join('') + writer.end();
    const data = [...wire.matchAll(/^data: (.*)$/gm)].map(([, each = '']) => each);
    expect(data.pop()).toBe('[DONE]');
    const chunks = data.map((each) => JSON.parse(each) as OpenAI.Completion);
    expect(chunks.map(({ choices }) => choices[0]?.text ?? '').join('')).toBe('hi');
    expect(chunks.flatMap(({ choices }) => choices[0]?.finish_reason ?? [])).toEqual(['stop']);
    expect(chunks.at(-1)?.usage).toEqual({
      prompt_tokens: 3,
      completion_tokens: 5,
      total_tokens: 8,
      prompt_tokens_details: { cached_tokens: 1 },
      completion_tokens_details: { reasoning_tokens: 2 },
    });
  });

  it('is an embedding in base64 that the official client decodes', () => {
    fc.assert(
      fc.property(fc.array(fc.float({ noNaN: true }), { minLength: 1 }), (vector) => {
        const bytes = Buffer.from(base64Of(vector), 'base64');
        const floats = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
        expect([...floats]).toEqual(vector);
      }),
    );
  });

  it('is a chat stream that the official client joins', async () => {
    await fc.assert(
      fc.asyncProperty(anyAnswer, async (answer) => {
        // The client invents an id if there is none.
        fc.pre(answer.toolCalls.every(({ id }) => id !== ''));
        const writer = new ChatChunks(HEAD, true);
        const stream =
          eventsOf(answer)
            .map((event) => writer.event(event))
            .join('') + writer.end();
        const data = [...stream.matchAll(/^data: (.*)$/gm)].map(([, each = '']) => each);
        expect(data.pop()).toBe('[DONE]');
        const lines = new Blob(data.map((each) => `${each}\n`)).stream();
        const read = await ChatCompletionStream.fromReadableStream(lines).finalChatCompletion();
        const { choices, usage } = chatCompletion(HEAD, answer);
        const [choice] = choices;
        expect(read.choices[0]).toMatchObject({
          finish_reason: choice?.finish_reason,
          message: {
            content: answer.text === '' ? null : answer.text,
            ...(answer.toolCalls.length === 0 ? {} : { tool_calls: choice?.message.tool_calls }),
          },
        });
        expect(read.usage ?? undefined).toEqual(usage);
      }),
      { numRuns: 50 },
    );
  });
});
