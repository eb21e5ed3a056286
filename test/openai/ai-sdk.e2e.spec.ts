import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import {
  APICallError,
  embedMany,
  generateObject,
  generateText,
  jsonSchema,
  stepCountIs,
  streamObject,
  streamText,
  tool,
} from 'ai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { until } from '../until.js';
import { abortedBy, type Endless, registerEndless } from './endless.js';
import {
  ANSWER,
  EMBEDDERS,
  MODELS,
  registerModels,
  RICH_MODELS,
  stopAll,
  SUNNY,
  type Upstreams,
  VECTOR,
} from './models.js';

let service: TestService;
let upstreams: Upstreams;
let endless: Endless;
let provider: ReturnType<typeof createOpenAICompatible>;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
  upstreams = await registerModels(service);
  endless = await registerEndless(service);
  provider = createOpenAICompatible({ name: 'mmm', baseURL: `${service.url}/v1`, includeUsage: true });
});
afterAll(() => stopAll(service, upstreams, endless));

const tools = {
  get_weather: tool({
    description: 'How the weather is',
    inputSchema: jsonSchema<{ city: string }>({
      type: 'object',
      properties: { city: { type: 'string' } },
      required: ['city'],
    }),
    execute: ({ city }) => Promise.resolve({ city, sky: 'clear' }),
  }),
};

describe.each(MODELS)("Vercel's AI SDK, with a worker that is $kind", ({ model, streams }) => {
  it('gets a text and its usage, whole and streamed', async () => {
    const whole = await generateText({ model: provider(model), prompt: 'hello', maxRetries: 0 });
    expect(whole).toMatchObject({ text: ANSWER, finishReason: 'stop' });
    const stream = streamText({ model: provider(model), prompt: 'hello', maxRetries: 0 });
    const pieces: string[] = [];
    for await (const piece of stream.textStream) pieces.push(piece);
    expect(pieces.join('')).toBe(ANSWER);
    expect(pieces.length > 1).toBe(streams);
    expect(await stream.finishReason).toBe('stop');
    for (const usage of [whole.usage, await stream.usage])
      expect(usage).toMatchObject({ inputTokens: 3, outputTokens: 5 });
  });
});

describe.each(RICH_MODELS)("Vercel's AI SDK, with a worker that is $kind", ({ model }) => {
  it('completes tool calls', async () => {
    const request = {
      model: provider(model),
      prompt: 'How is the weather?',
      tools,
      stopWhen: stepCountIs(3),
      maxRetries: 0,
    };
    const whole = await generateText(request);
    expect(whole.text).toBe(SUNNY);
    expect(whole.steps[0]?.toolCalls[0]).toMatchObject({ toolName: 'get_weather', input: { city: 'Paris' } });
    const stream = streamText(request);
    expect(await stream.text).toBe(SUNNY);
    expect(await stream.finishReason).toBe('stop');
    const [first] = await stream.steps;
    expect(first?.finishReason).toBe('tool-calls');
    expect(first?.toolResults[0]).toMatchObject({ output: { city: 'Paris', sky: 'clear' } });
  });

  it('gets an object that matches a schema, whole and streamed', async () => {
    const city = jsonSchema<{ city: string }>({
      type: 'object',
      properties: { city: { type: 'string' } },
      required: ['city'],
      additionalProperties: false,
    });
    const structured = createOpenAICompatible({
      name: 'mmm',
      baseURL: `${service.url}/v1`,
      supportsStructuredOutputs: true,
    });
    const request = { model: structured(model), schema: city, prompt: 'The city, as JSON', maxRetries: 0 };
    expect((await generateObject(request)).object).toEqual({ city: 'Paris' });
    const stream = streamObject(request);
    let last: unknown;
    for await (const partial of stream.partialObjectStream) last = partial;
    expect([last, await stream.object]).toEqual([{ city: 'Paris' }, { city: 'Paris' }]);
  });

  it('gets the reason of a rejected request', async () => {
    const refused = generateText({ model: provider(model), prompt: 'too much', maxRetries: 0 });
    await expect(refused).rejects.toSatisfy(
      (error) => APICallError.isInstance(error) && error.statusCode === 400 && /too long/.test(error.message),
    );
  });
});

describe("Vercel's AI SDK", () => {
  it.each(EMBEDDERS)('embeds with %s', async (model) => {
    const { embeddings } = await embedMany({
      model: provider.embeddingModel(model),
      values: ['a', 'b'],
      maxRetries: 0,
    });
    expect(embeddings).toEqual([VECTOR, VECTOR]);
  });

  it('gets an error for tools with a template worker', async () => {
    const refused = generateText({ model: provider('org/whole'), prompt: 'hello', tools, maxRetries: 0 });
    await expect(refused).rejects.toMatchObject({
      statusCode: 400,
      message: expect.stringContaining('tools') as string,
    });
  });

  it('does not retry what was retried already or would be rejected again', async () => {
    for (const { model } of RICH_MODELS)
      for (const [prompt, statusCode] of [
        ['too much', 400],
        ['too often', 429],
      ] as const) {
        const before = upstreams.mock.getRequests().length;
        const refused = generateText({ model: provider(model), prompt, maxRetries: 0 });
        await expect(refused).rejects.toMatchObject({ statusCode });
        expect([model, upstreams.mock.getRequests().length - before]).toEqual([model, 1]);
      }
  });

  it('reports a stream that was cut off', async () => {
    for (const { model } of RICH_MODELS) {
      const errors: unknown[] = [];
      const stream = streamText({
        model: provider(model),
        prompt: 'be cut',
        maxRetries: 0,
        onError: ({ error }) => void errors.push(error),
      });
      await stream.consumeStream({ onError: () => {} });
      expect([model, errors.length]).toEqual([model, 1]);
      expect(String((errors[0] as { message?: string }).message ?? errors[0])).toContain(
        'worker execute error',
      );
    }
  });

  it('aborts before and during a stream, which ends the upstream call', async () => {
    for (const each of endless.models) {
      const { model, brokenOff } = each;
      const controller = new AbortController();
      const stream = streamText({
        model: provider(model),
        prompt: 'go on',
        maxRetries: 0,
        abortSignal: controller.signal,
      });
      for await (const piece of stream.textStream) if (piece !== '') controller.abort();
      await until(() => brokenOff() === 1);
      const silent = { model: provider(model), prompt: 'say nothing', maxRetries: 0 };
      const failure = await abortedBy(each, (abortSignal) => generateText({ ...silent, abortSignal }));
      expect(failure).toMatch(/abort/i);
      await until(() => brokenOff() === 2);
    }
  });
});
