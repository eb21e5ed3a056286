import * as fc from 'fast-check';
import type OpenAI from 'openai';
import { ChatCompletionStream } from 'openai/lib/ChatCompletionStream';
import { describe, expect, it } from 'vitest';
import { ChatChunks, chatCompletion, textCompletion } from '../../src/inference/openai/chat-completion.js';
import { embeddingList } from '../../src/inference/openai/embedding-list.js';
import { imagesIn } from '../../src/inference/openai/image-list.js';
import { listedModel } from '../../src/inference/openai/listed-models.js';
import type { ChatCompletionChunk } from '../../src/inference/openai/openai-objects.js';
import { anyAnswer, eventsOf } from '../arbitraries/chat-answers.js';

const HEAD = { id: 'x', created: 1, model: 'm' };
const ANSWER = { text: 'hi', toolCalls: [], finish: 'stop', usage: null } as const;

describe("What is answered in OpenAI's manner", () => {
  it('is of the types that its client publishes, as the compiler sees it', () => {
    const chat: OpenAI.ChatCompletion = chatCompletion(HEAD, ANSWER);
    const chunk = (given: ChatCompletionChunk): OpenAI.ChatCompletionChunk => given;
    const text: OpenAI.Completion = textCompletion(HEAD, ANSWER);
    const embeddings: OpenAI.CreateEmbeddingResponse = embeddingList([[1, 2]], 'm', null);
    const images: OpenAI.ImagesResponse = { created: 1, data: imagesIn('https://a/b.png') };
    const model: OpenAI.Model = listedModel({ name: 'm', workers: [] });
    expect([chat.object, text.object, embeddings.object, images.created, model.object]).toEqual([
      'chat.completion',
      'text_completion',
      'list',
      1,
      'model',
    ]);
    expect(chunk.length).toBe(1);
  });

  it('in a stream, is put together by its client to what was said', async () => {
    await fc.assert(
      fc.asyncProperty(anyAnswer, async (answer) => {
        // Its client makes up an id where there is none.
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
        const [said] = choices;
        expect(read.choices[0]).toMatchObject({
          finish_reason: said?.finish_reason,
          message: {
            content: answer.text === '' ? null : answer.text,
            ...(answer.toolCalls.length === 0 ? {} : { tool_calls: said?.message.tool_calls }),
          },
        });
        expect(read.usage ?? undefined).toEqual(usage);
      }),
      { numRuns: 50 },
    );
  });
});
