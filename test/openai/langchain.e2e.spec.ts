import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
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
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
  upstreams = await registerModels(service);
  endless = await registerEndless(service);
});
afterAll(() => stopAll(service, upstreams, endless));

const chatOf = (model: string, maxRetries = 0) =>
  new ChatOpenAI({
    model,
    apiKey: 'none',
    configuration: { baseURL: `${service.url}/v1` },
    maxRetries,
    streamUsage: true,
  });

const WEATHER = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'How the weather is',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
} as const;

describe.each(MODELS)('LangChain, with a worker that is $kind', ({ model, streams }) => {
  it('invokes and streams, and counts tokens', async () => {
    const chat = chatOf(model);
    const whole = await chat.invoke([
      ['system', 'Be kind.'],
      ['human', 'hello'],
    ]);
    expect(whole.text).toBe(ANSWER);
    expect(whole.usage_metadata).toMatchObject({ input_tokens: 3, output_tokens: 5, total_tokens: 8 });
    expect(whole.response_metadata).toMatchObject({ finish_reason: 'stop' });
    const pieces: string[] = [];
    const counted: unknown[] = [];
    for await (const piece of await chat.stream('hello')) {
      if (piece.text !== '') pieces.push(piece.text);
      if (piece.usage_metadata !== undefined) counted.push(piece.usage_metadata);
    }
    expect(pieces.join('')).toBe(ANSWER);
    expect(pieces.length > 1).toBe(streams);
    expect(counted).toEqual([expect.objectContaining({ input_tokens: 3, output_tokens: 5 })]);
  });
});

describe.each(RICH_MODELS)('LangChain, with a worker that is $kind', ({ model }) => {
  it('binds tools and returns their results', async () => {
    const chat = chatOf(model).bindTools([WEATHER]);
    const message = await chat.invoke('How is the weather?');
    const [call] = message.tool_calls ?? [];
    expect(call).toMatchObject({ name: 'get_weather', args: { city: 'Paris' } });
    const answered = await chat.invoke([
      ['human', 'How is the weather?'],
      message,
      { role: 'tool', content: '{"sky":"clear"}', tool_call_id: call?.id ?? '' },
    ]);
    expect(answered.text).toBe(SUNNY);
  });

  it('joins a tool call from its chunks', async () => {
    let message: Awaited<ReturnType<ChatOpenAI['invoke']>> | undefined;
    for await (const chunk of await chatOf(model).bindTools([WEATHER]).stream('How is the weather?'))
      message = message === undefined ? chunk : message.concat(chunk);
    expect(message?.tool_calls).toMatchObject([{ name: 'get_weather', args: { city: 'Paris' } }]);
    expect(message?.response_metadata).toMatchObject({ finish_reason: 'tool_calls' });
  });

  it('gets an object that matches a schema, by response_format or by a tool', async () => {
    const chat = chatOf(model);
    const schema = { ...WEATHER.function.parameters, title: 'get_weather' };
    for (const [method, prompt] of [
      ['jsonSchema', 'The city, as JSON'],
      ['jsonMode', 'The city, as JSON'],
      ['functionCalling', 'How is the weather?'],
    ] as const) {
      const structured = chat.withStructuredOutput(schema, { name: 'get_weather', method });
      expect([method, await structured.invoke(prompt)]).toEqual([method, { city: 'Paris' }]);
    }
  });

  it('does not retry when x-should-retry is false', async () => {
    const before = upstreams.mock.getRequests().length;
    await expect(chatOf(model, 2).invoke('too much')).rejects.toMatchObject({ status: 400 });
    expect(upstreams.mock.getRequests()).toHaveLength(before + 1);
  });

  it('gets the reason of a rejected request', async () => {
    await expect(chatOf(model).invoke('too much')).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('prompt is too long') as string,
    });
  });

  it('reports a stream that was cut off', async () => {
    const read = async () => {
      let text = '';
      for await (const piece of await chatOf(model).stream('be cut')) text += piece.text;
      return text;
    };
    await expect(read()).rejects.toThrow('worker execute error');
  });
});

describe('LangChain', () => {
  it.each(EMBEDDERS)('embeds with %s', async (model) => {
    const configuration = { baseURL: `${service.url}/v1` };
    const embeddings = new OpenAIEmbeddings({
      model,
      apiKey: 'none',
      configuration,
      // The simulated OpenAI has no base64, which the client requests by default.
      encodingFormat: 'float',
      maxRetries: 0,
    });
    expect(await embeddings.embedDocuments(['a', 'b'])).toEqual([VECTOR, VECTOR]);
    expect(await embeddings.embedQuery('a')).toEqual(VECTOR);
  });

  it('aborts before and during a stream, which ends the upstream call', async () => {
    for (const each of endless.models) {
      const { model, brokenOff } = each;
      for await (const piece of await chatOf(model).stream('go on')) if (piece.text !== '') break;
      await until(() => brokenOff() === 1);
      const silent = (signal: AbortSignal) => chatOf(model).invoke('say nothing', { signal });
      expect(await abortedBy(each, silent)).toMatch(/abort/i);
      await until(() => brokenOff() === 2);
    }
  });
});
