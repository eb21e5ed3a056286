import type { ServerResponse } from 'node:http';
import { Agent, OpenAIResponsesModel, run, setTracingDisabled, tool } from '@openai/agents';
import OpenAI from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import type { Response } from 'openai/resources/responses/responses';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { startFakeUpstream } from '../fakes/fake-upstream.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { ANSWER, MODELS, mustRegister, registerModels, stopAll, SUNNY, type Upstreams } from './models.js';

const CHAT_ONLY = {
  kind: 'of an OpenAI server without responses',
  model: 'org/chat-only',
  streams: true,
  isRich: true,
};
const ALL = [...MODELS, CHAT_ONLY];
const TRANSLATED = ALL.filter(({ model }) => model !== 'org/openai' && model !== 'org/ollama');

let service: TestService;
let upstreams: Upstreams;
let client: OpenAI;
beforeAll(async () => {
  setTracingDisabled(true);
  service = await startService(SELDOM_PROBED);
  upstreams = await registerModels(service);
  await mustRegister(service, {
    preset: 'openai',
    model_name: CHAT_ONLY.model,
    upstream_model: 'real-openai',
    base_url: `${upstreams.mock.url}/v1`,
    api_key: 'sk-of-the-upstream',
    profile: { responses: false },
  });
  client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
});
afterAll(() => stopAll(service, upstreams));

const CITY = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
};
const WEATHER = { type: 'function', name: 'get_weather', parameters: CITY, strict: true } as const;

describe.each(ALL)('A response of a worker that is $kind', ({ model, streams }) => {
  it('holds the answer and its usage', async () => {
    const response = await client.responses.create({ model, input: 'hello', metadata: { a: 'b' } });
    expect(response.output_text).toBe(ANSWER);
    expect(response).toMatchObject({ object: 'response', status: 'completed' });
    expect(response.usage).toMatchObject({ input_tokens: 3, output_tokens: 5, total_tokens: 8 });
  });

  it('comes as events from which the client builds the same response', async () => {
    const stream = client.responses.stream({ model, input: [{ role: 'user', content: 'hello' }] });
    const deltas: string[] = [];
    stream.on('response.output_text.delta', ({ delta }) => deltas.push(delta));
    const response = await stream.finalResponse();
    expect(response.output_text).toBe(ANSWER);
    expect(deltas.join('')).toBe(ANSWER);
    expect(deltas.length > 1).toBe(streams);
  });
});

describe.each(ALL.filter(({ isRich }) => isRich))('A response of a worker that is $kind', ({ model }) => {
  it.each([false, true])('calls a tool and goes on with its output (stream: %s)', async (stream) => {
    const ask = async (input: OpenAI.Responses.ResponseInput): Promise<Response> => {
      const body = { model, input, tools: [WEATHER], store: false };
      return stream
        ? client.responses.stream(body).finalResponse()
        : client.responses.create({ ...body, stream: false });
    };
    const question = { role: 'user', content: 'weather in Paris?' } as const;
    const first = await ask([question]);
    const [call] = first.output.filter((item) => item.type === 'function_call');
    expect(call).toMatchObject({ name: 'get_weather' });
    expect(JSON.parse(call?.arguments ?? '')).toEqual({ city: 'Paris' });
    const second = await ask([
      question,
      ...(first.output as OpenAI.Responses.ResponseInput),
      { type: 'function_call_output', call_id: call?.call_id ?? '', output: 'sunny' },
    ]);
    expect(second.output_text).toBe(SUNNY);
  });

  it('is parsed by a schema', async () => {
    const response = await client.responses.parse({
      model,
      input: 'as json please',
      text: { format: zodTextFormat(z.object({ city: z.string() }), 'place') },
    });
    expect(response.output_parsed).toEqual({ city: 'Paris' });
  });

  it("drives the agents of OpenAI's own package through a loop of tools", async () => {
    const called: string[] = [];
    const weather = tool({
      name: 'get_weather',
      description: 'How the weather is',
      parameters: z.object({ city: z.string() }),
      execute: ({ city }) => {
        called.push(city);
        return 'sunny';
      },
    });
    const agent = new Agent({
      name: 'helper',
      instructions: 'Use the tool.',
      model: new OpenAIResponsesModel(client, model),
      tools: [weather],
    });
    const result = await run(agent, 'weather in Paris?');
    expect(result.finalOutput).toBe(SUNNY);
    expect(called).toEqual(['Paris']);
    const streamed = await run(agent, 'weather in Paris?', { stream: true });
    await streamed.completed;
    expect(streamed.finalOutput).toBe(SUNNY);
    expect(called).toEqual(['Paris', 'Paris']);
  });
});

describe.each(TRANSLATED)('A response that is translated for a worker that is $kind', ({ model }) => {
  it.each([
    ['previous_response_id', { input: 'x', previous_response_id: 'resp_1' }],
    ['conversation', { input: 'x', conversation: 'conv_1' }],
    ['background', { input: 'x', background: true }],
    ['tools[0].type', { input: 'x', tools: [{ type: 'web_search' }] }],
    ['input[0]', { input: [{ type: 'item_reference', id: 'msg_1' }] }],
  ])('is refused by the name of %s', async (field, body) => {
    const { status, json } = await service.post('/v1/responses', { model, ...body });
    expect([status, json]).toMatchObject([400, { error: { param: field } }]);
  });
});

it('A response goes to a server of which nothing is known as a chat, and unchanged where only the server can answer it', async () => {
  const upstream = await startFakeUpstream((response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({ object: 'response', output: [], choices: [{ message: { content: 'hi' } }] }),
    );
  });
  await mustRegister(service, {
    model_name: 'org/unknown',
    protocol: 'openai',
    req_url_template: `${upstream.url}/v1`,
  });
  const send = (body: object) => service.post('/v1/responses', { model: 'org/unknown', input: 'x', ...body });
  const { json } = await send({});
  expect(json).toMatchObject({ output: [{ content: [{ text: 'hi' }] }] });
  expect((await send({ previous_response_id: 'resp_1' })).status).toBe(200);
  // No server keeps what was translated: the client learns what to send instead.
  const { id, output } = json as { id: string; output: { id: string }[] };
  for (const [field, body] of [
    ['previous_response_id', { previous_response_id: id }],
    [
      'input[1]',
      {
        input: [
          { role: 'user', content: 'x' },
          { type: 'item_reference', id: output[0]?.id },
        ],
      },
    ],
  ] as const)
    expect(await send(body)).toMatchObject({
      status: 400,
      json: {
        error: { param: field, message: expect.stringContaining('send the items themselves') as string },
      },
    });
  expect(upstream.requests.map(({ url }) => url)).toEqual(['/v1/chat/completions', '/v1/responses']);
  await upstream.close();
});

describe('A stream of events that breaks off', () => {
  it.each(ALL.filter(({ isRich }) => isRich))(
    'ends with response.failed where the worker is $kind',
    async ({ model }) => {
      const { text } = await service.post('/v1/responses', { model, input: 'be cut', stream: true });
      const last = text.trimEnd().split('\n\n').at(-1) ?? '';
      expect(last).toMatch(/^event: response\.failed\n/);
      const numbers = [...text.matchAll(/"sequence_number":(\d+)/g)].map(([, number]) => Number(number));
      expect(numbers).toEqual(numbers.map((_, index) => index));
      expect(JSON.parse(last.slice(last.indexOf('{')))).toMatchObject({
        response: { object: 'response', status: 'failed', error: { code: 'server_error' } },
      });
    },
  );

  it.each([CHAT_ONLY.model, 'org/openai'])('is a failed response for the client (%s)', async (model) => {
    const stream = client.responses.stream({ model, input: 'be cut' });
    expect(await stream.finalResponse()).toMatchObject({ status: 'failed', error: { code: 'server_error' } });
  });

  it.each([
    ['without its last event', (response: ServerResponse) => response.end()],
    ['in the middle of an event', (response: ServerResponse) => response.end('event: response.out')],
    ['with its connection', (response: ServerResponse) => response.destroy()],
  ])('and ends %s keeps the response and the numbers of the server', async (_how, breakOff) => {
    const upstream = await startFakeUpstream((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`event: response.created\ndata: ${JSON.stringify(CREATED)}\n\n`, () => {
        response.write(`event: response.output_text.delta\ndata: ${JSON.stringify(DELTA)}\n\n`, () =>
          breakOff(response),
        );
      });
    });
    onTestFinished(() => upstream.close());
    const model = `org/breaks-${upstream.url}`;
    const base_url = `${upstream.url}/v1`;
    await mustRegister(service, { preset: 'openai', model_name: model, base_url, api_key: 'k' });
    const { text } = await service.post('/v1/responses', { model, input: 'x', stream: true });
    const last = text.trimEnd().split('\n\n').at(-1) ?? '';
    expect(last).toMatch(/^event: response\.failed\n/);
    expect(JSON.parse(last.slice(last.indexOf('{')))).toEqual({
      type: 'response.failed',
      sequence_number: 8,
      response: {
        ...CREATED.response,
        status: 'failed',
        error: { code: 'server_error', message: expect.not.stringContaining('127.0.0.1') as string },
      },
    });
  });
});

const CREATED = {
  type: 'response.created',
  sequence_number: 0,
  response: { id: 'resp_of_the_server', object: 'response', status: 'in_progress', model: 'm', output: [] },
};
const DELTA = {
  type: 'response.output_text.delta',
  sequence_number: 7,
  item_id: 'msg_1',
  output_index: 0,
  content_index: 0,
  delta: '"response.completed" as text',
  logprobs: [],
};
