import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { until } from '../until.js';
import { type Endless, registerEndless } from './endless.js';
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
let client: OpenAI;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
  upstreams = await registerModels(service);
  endless = await registerEndless(service);
  client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
});
afterAll(() => stopAll(service, upstreams, endless));

const questionTo = (model: string, content: string) => ({
  model,
  messages: [{ role: 'user' as const, content }],
});
const CITY = {
  type: 'object' as const,
  properties: { city: { type: 'string' as const } },
  required: ['city'],
  additionalProperties: false,
};

describe.each(MODELS)("The helpers of OpenAI's client, with a worker that is $kind", ({ model, streams }) => {
  it('emit events of a stream as they arrive', async () => {
    const counted = { ...questionTo(model, 'hello'), stream_options: { include_usage: true } };
    const stream = client.chat.completions.stream(counted);
    const deltas: string[] = [];
    const emitted: string[] = [];
    stream.on('connect', () => emitted.push('connect'));
    stream.on('content.delta', ({ delta }) => deltas.push(delta));
    stream.on('content.done', ({ content }) => emitted.push(`content.done ${content}`));
    stream.on('end', () => emitted.push('end'));
    expect(await stream.finalContent()).toBe(ANSWER);
    expect(await stream.totalUsage()).toMatchObject({
      prompt_tokens: 3,
      completion_tokens: 5,
      total_tokens: 8,
    });
    await stream.done();
    expect(emitted).toEqual(['connect', `content.done ${ANSWER}`, 'end']);
    expect(deltas.join('')).toBe(ANSWER);
    expect(deltas.length > 1).toBe(streams);
  });
});

describe.each(RICH_MODELS)("The helpers of OpenAI's client, with a worker that is $kind", ({ model }) => {
  it.each([false, true])('run tools until there is an answer (stream: %s)', async (stream) => {
    const toolArguments: unknown[] = [];
    const get_weather = {
      name: 'get_weather',
      description: 'How the weather is',
      parameters: CITY,
      function: (args: string) => {
        toolArguments.push(JSON.parse(args));
        return '{"sky":"clear"}';
      },
    };
    const body = {
      ...questionTo(model, 'How is the weather?'),
      tools: [{ type: 'function' as const, function: get_weather }],
    };
    const runner = stream
      ? client.chat.completions.runTools({ ...body, stream: true })
      : client.chat.completions.runTools(body);
    expect(await runner.finalContent()).toBe(SUNNY);
    expect(toolArguments).toEqual([{ city: 'Paris' }]);
    expect(runner.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant']);
  });

  it('emit the arguments of a tool call as they arrive', async () => {
    const tools = [
      { type: 'function' as const, function: { name: 'get_weather', strict: true, parameters: CITY } },
    ];
    const stream = client.chat.completions.stream({ ...questionTo(model, 'How is the weather?'), tools });
    const called: unknown[] = [];
    stream.on('tool_calls.function.arguments.done', ({ name, parsed_arguments }) =>
      called.push([name, parsed_arguments]),
    );
    const message = await stream.finalMessage();
    expect(called).toEqual([['get_weather', { city: 'Paris' }]]);
    expect(message.tool_calls?.[0]).toMatchObject({ function: { parsed_arguments: { city: 'Paris' } } });
  });

  it('parse an answer that matches a schema', async () => {
    const json_schema = { name: 'city', strict: true, schema: CITY };
    const body = {
      ...questionTo(model, 'The city, as JSON'),
      response_format: { type: 'json_schema' as const, json_schema },
    };
    const { choices } = await client.chat.completions.parse(body);
    expect(JSON.parse(choices[0]?.message.content ?? '')).toEqual({ city: 'Paris' });
    const content = await client.chat.completions.stream(body).finalContent();
    expect(JSON.parse(content ?? '')).toEqual({ city: 'Paris' });
  });

  it('report a rejected request and a stream that was cut off', async () => {
    const refused = client.chat.completions.stream(questionTo(model, 'too much'));
    await expect(refused.finalContent()).rejects.toMatchObject({ status: 400 });
    const cut = client.chat.completions.stream(questionTo(model, 'be cut'));
    await expect(cut.finalContent()).rejects.toThrow('worker execute error');
  });
});

describe("OpenAI's client", () => {
  it.each(EMBEDDERS)('embeds with %s', async (model) => {
    // The simulated OpenAI has no base64, which the client requests by default.
    const request = { model, input: ['a', 'b'], encoding_format: 'float' as const };
    const { data, object } = await client.embeddings.create(request);
    expect(object).toBe('list');
    expect(data.map(({ embedding }) => embedding)).toEqual([VECTOR, VECTOR]);
  });

  it('does not retry when x-should-retry is false', async () => {
    const patient = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 2 });
    for (const { model } of RICH_MODELS) {
      const before = upstreams.mock.getRequests().length;
      const refused = patient.chat.completions.create(questionTo(model, 'too much'));
      await expect(refused).rejects.toMatchObject({ status: 400 });
      expect([model, upstreams.mock.getRequests().length - before]).toEqual([model, 1]);
    }
  });

  it('aborts a stream of its helper, which ends the upstream call', async () => {
    for (const { model, brokenOff } of endless.models) {
      const before = brokenOff();
      const stream = client.chat.completions.stream(questionTo(model, 'go on'));
      stream.once('content', () => stream.abort());
      await expect(stream.finalContent()).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
      expect([model, stream.aborted]).toEqual([model, true]);
      await until(() => brokenOff() === before + 1);
    }
  });

  it.each([
    ['before the headers', 'say nothing', 'it throws'],
    ['in the middle of a stream', 'go on', 'its loop ends'],
  ])('aborts %s, which soon ends the upstream call', async (_when, content, outcome) => {
    for (const { model, brokenOff, calls } of endless.models) {
      const [broken, before] = [brokenOff(), calls()];
      const controller = new AbortController();
      const body = { ...questionTo(model, content), stream: true as const };
      const { signal } = controller;
      const read = async (): Promise<void> => {
        const chunks = await client.chat.completions.create(body, { signal });
        for await (const { choices } of chunks)
          if ((choices[0]?.delta.content ?? '') !== '') controller.abort();
      };
      const ended = read().then(
        () => 'its loop ends',
        (error: unknown) => error instanceof OpenAI.APIUserAbortError && 'it throws',
      );
      await until(() => calls() === before + 1);
      if (content === 'say nothing') controller.abort();
      expect([model, await ended]).toEqual([model, outcome]);
      await until(() => brokenOff() === broken + 1);
    }
  });
});
