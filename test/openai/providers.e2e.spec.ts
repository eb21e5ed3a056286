import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ChatAnthropic } from '@langchain/anthropic';
import { generateText, jsonSchema, type LanguageModel, Output, stepCountIs, streamText, tool } from 'ai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { FakeUpstream } from '../fakes/fake-upstream.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { stopAll } from './models.js';
import { ANSWERED, CITIES, IN_CITY, startTemplates, startVendor, TEMPLATES, VENDORS } from './vendors.js';

const QUESTION = 'How is the weather?';
const THINKING = { type: 'enabled' as const, budget_tokens: 2000 };
const CITY = { ...IN_CITY, additionalProperties: false };

let service: TestService;
let upstreams: readonly FakeUpstream[];
let called: string[] = [];
beforeAll(async () => {
  globalThis.AI_SDK_LOG_WARNINGS = false;
  service = await startService(SELDOM_PROBED);
  upstreams = await Promise.all([
    ...VENDORS.map((vendor) => startVendor(service, vendor)),
    startTemplates(service),
  ]);
});
beforeEach(() => {
  called = [];
});
afterAll(() => stopAll(service, ...upstreams.map((upstream) => ({ stop: () => upstream.close() }))));

const weatherIn = (city: string) => {
  called.push(city);
  return `clear in ${city}`;
};
const refusedTools = {
  statusCode: 400,
  message: expect.stringMatching(/\btools\b|calls no tools/) as string,
};

/** Each provider of Vercel's AI SDK, by the API that it sends. */
const PROVIDERS: Readonly<Record<string, (model: string) => LanguageModel>> = {
  '@ai-sdk/openai with responses': (model) => ofOpenAi().responses(model),
  '@ai-sdk/openai with chats': (model) => ofOpenAi().chat(model),
  '@ai-sdk/openai-compatible': (model) =>
    createOpenAICompatible({
      name: 'mmm',
      baseURL: `${service.url}/v1`,
      supportsStructuredOutputs: true,
    })(model),
  '@ai-sdk/anthropic': (model) => createAnthropic({ baseURL: `${service.url}/v1`, apiKey: 'none' })(model),
};
const ofOpenAi = () => createOpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none' });

describe.each(Object.entries(PROVIDERS))("Vercel's AI SDK with %s", (_name, modelOf) => {
  const common = (model: string) => ({
    model: modelOf(model),
    maxRetries: 0,
    // Each provider reads its own. Without `store: false` OpenAI's sends ids of items in place of the items.
    providerOptions: {
      anthropic: { thinking: { type: 'enabled' as const, budgetTokens: 2000 } },
      openai: { store: false },
    },
  });
  const tools = {
    get_weather: tool({
      description: 'How the weather is',
      inputSchema: jsonSchema<{ city: string }>(IN_CITY),
      execute: ({ city }) => Promise.resolve(weatherIn(city)),
    }),
  };

  it.each(VENDORS)('gets a text of %s, whole and streamed', async (model) => {
    const request = { ...common(model), prompt: QUESTION };
    expect((await generateText(request)).text).toBe(ANSWERED);
    const stream = streamText(request);
    expect(await stream.text).toBe(ANSWERED);
    expect(await stream.finishReason).toBe('stop');
  });

  it.each(VENDORS)('calls tools in several steps with %s, whole and streamed', async (model) => {
    const request = { ...common(model), prompt: QUESTION, tools, stopWhen: stepCountIs(5) };
    const whole = await generateText(request);
    expect([whole.text, whole.steps.length]).toEqual([ANSWERED, 3]);
    const stream = streamText(request);
    expect([await stream.text, (await stream.steps).length]).toEqual([ANSWERED, 3]);
    expect(called).toEqual([...CITIES, ...CITIES]);
    // The next question comes after all of it.
    const messages = [
      { role: 'user' as const, content: QUESTION },
      ...whole.response.messages,
      { role: 'user' as const, content: 'And now?' },
    ];
    const next = await generateText({ ...common(model), tools, stopWhen: stepCountIs(5), messages });
    expect([next.text, next.steps.length]).toEqual([ANSWERED, 3]);
  });

  it.each(VENDORS)('gets an object of %s that matches a schema, whole and streamed', async (model) => {
    const request = {
      model: modelOf(model),
      maxRetries: 0,
      prompt: 'The city, as JSON',
      output: Output.object({ schema: jsonSchema<{ city: string }>(CITY) }),
    };
    expect((await generateText(request)).output).toEqual({ city: 'Paris' });
    expect(await streamText(request).output).toEqual({ city: 'Paris' });
  });

  it.each(TEMPLATES)(
    'gets texts of %s, and a 400 for tools, for which a template has no place',
    async (model) => {
      const request = { model: modelOf(model), maxRetries: 0, prompt: QUESTION };
      expect((await generateText(request)).text).toBe('turn 1');
      expect(await streamText(request).text).toBe('turn 1');
      await expect(generateText({ ...request, tools })).rejects.toMatchObject(refusedTools);
    },
  );
});

describe('LangChain with @langchain/anthropic', () => {
  const chatOf = (model: string, thinks = true) =>
    new ChatAnthropic({
      model,
      apiKey: 'none',
      anthropicApiUrl: service.url,
      maxRetries: 0,
      maxTokens: 4000,
      ...(thinks ? { thinking: THINKING } : {}),
    });
  const tools = [{ name: 'get_weather', description: 'How the weather is', input_schema: IN_CITY }];

  it.each([...VENDORS, ...TEMPLATES])('invokes and streams with %s', async (model) => {
    const expected = model.startsWith('template') ? 'turn 1' : ANSWERED;
    expect((await chatOf(model).invoke(QUESTION)).text).toBe(expected);
    let text = '';
    for await (const piece of await chatOf(model).stream(QUESTION)) text += piece.text;
    expect(text).toBe(expected);
  });

  it.each(VENDORS)('returns the results of tools to %s, whole and streamed', async (model) => {
    for (const stream of [false, true]) {
      const chat = chatOf(model).bindTools(tools);
      const messages: Parameters<typeof chat.invoke>[0] & unknown[] = [['human', QUESTION]];
      for (const city of CITIES) {
        const message = stream ? await joined(await chat.stream(messages)) : await chat.invoke(messages);
        const [call] = message.tool_calls ?? [];
        expect(call).toMatchObject({ name: 'get_weather', args: { city } });
        messages.push(message, { role: 'tool', content: weatherIn(city), tool_call_id: call?.id ?? '' });
      }
      const answered = stream ? await joined(await chat.stream(messages)) : await chat.invoke(messages);
      expect(answered.text).toBe(ANSWERED);
    }
  });

  it.each(VENDORS)(
    'gets an object of %s that matches a schema, by a tool or by the format',
    async (model) => {
      for (const method of ['functionCalling', 'jsonSchema'] as const) {
        const structured = chatOf(model, false).withStructuredOutput(CITY, { name: 'city', method });
        expect([method, await structured.invoke('The city, as JSON')]).toEqual([method, { city: 'Paris' }]);
      }
    },
  );

  it.each(TEMPLATES)('gets a 400 of %s for tools, for which a template has no place', async (model) => {
    await expect(chatOf(model).bindTools(tools).invoke(QUESTION)).rejects.toMatchObject({
      status: 400,
      message: refusedTools.message,
    });
  });
});

type Chunk = Awaited<ReturnType<ChatAnthropic['invoke']>>;

async function joined(chunks: AsyncIterable<Chunk>): Promise<Chunk> {
  let whole: Chunk | undefined;
  for await (const chunk of chunks) whole = whole === undefined ? chunk : whole.concat(chunk);
  if (whole === undefined) throw new Error('the stream is empty');
  return whole;
}
