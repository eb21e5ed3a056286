import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FakeUpstream } from '../fakes/fake-upstream.js';
import { type GeminiBody, type GoogleServer, startStrictGemini } from '../fakes/strict-gemini.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { mustRegister, stopAll, SUNNY } from './models.js';

const SERVERS = ['gemini', 'vertex'] as const;
const MODELS = ['gemini-2.5-flash', 'gemini-3-flash-preview'];
const VERTEX = '/v1/projects/p/locations/l';

let service: TestService;
let client: OpenAI;
const upstreams = {} as Record<GoogleServer, FakeUpstream>;
const nameOf = (server: GoogleServer, model: string) => `${server}/${model}`;

/** Calls the first tool twice, as it is declared; then answers. */
function reply({ contents, tools = [] }: GeminiBody) {
  const isAnswered = contents.some(({ parts }) => parts.some((part) => part.functionResponse !== undefined));
  const name = tools[0]?.functionDeclarations[0]?.name;
  if (isAnswered || name === undefined) return [{ text: SUNNY }];
  return ['Paris', 'Oslo'].map((city, index) => ({
    functionCall: { name, args: { city } },
    ...(index === 0 ? { thoughtSignature: 'c2ln' } : {}),
  }));
}

beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
  client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
  for (const server of SERVERS) {
    const upstream = (upstreams[server] = await startStrictGemini(server, reply));
    for (const model of MODELS)
      await mustRegister(service, {
        protocol: 'gemini',
        model_name: nameOf(server, model),
        req_url_template: upstream.url + (server === 'vertex' ? VERTEX : '/v1beta'),
        upstream_model: server === 'vertex' ? `publishers/google/models/${model}` : model,
        health_check: { kind: 'none' },
      });
  }
});
afterAll(() =>
  stopAll(service, {
    stop: async () => {
      for (const upstream of Object.values(upstreams)) await upstream.close();
    },
  }),
);

const sentTo = (server: GoogleServer) =>
  JSON.parse(upstreams[server].requests.at(-1)?.body ?? '') as GeminiBody;
const CITY = { type: 'object', properties: { city: { type: 'string' } } };
const question = { role: 'user' as const, content: 'How is the weather?' };
const each = SERVERS.flatMap((server) =>
  MODELS.flatMap((model) => [false, true].map((stream) => ({ server, model, stream }))),
);

/** One answer, whole or streamed. */
async function ask(stream: boolean, request: OpenAI.ChatCompletionCreateParamsNonStreaming) {
  if (stream) return client.chat.completions.stream(request as never).finalMessage();
  const message = (await client.chat.completions.create(request)).choices[0]?.message;
  if (message === undefined) throw new Error('the answer has no choice');
  return message;
}

describe.each(each)('$server with $model (stream: $stream)', ({ server, model, stream }) => {
  const isBefore3 = model.startsWith('gemini-2');

  it('goes through a loop of a tool whose name begins with a digit, with ids of calls where it takes them', async () => {
    const tools = [{ type: 'function' as const, function: { name: '1c_reload', parameters: CITY } }];
    const request = { model: nameOf(server, model), tools };
    const called = await ask(stream, { ...request, messages: [question] });
    const calls = called.tool_calls ?? [];
    expect(calls.map((call) => ('function' in call ? call.function.name : ''))).toEqual([
      '1c_reload',
      '1c_reload',
    ]);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
    const results = calls.map(({ id }) => ({ role: 'tool' as const, tool_call_id: id, content: `of ${id}` }));
    const answered = await ask(stream, { ...request, messages: [question, called, ...results.toReversed()] });
    expect(answered.content).toBe(SUNNY);
    const [, turn, after] = sentTo(server).contents;
    const hasIds = server === 'gemini' || !isBefore3;
    const ids = hasIds ? calls.map(({ id }) => id) : [undefined, undefined];
    expect(turn?.parts.map((part) => part.functionCall?.id)).toEqual(ids);
    expect(after?.parts.map((part) => part.functionResponse?.id)).toEqual(ids);
    expect(after?.parts.map((part) => part.functionResponse?.response)).toEqual(
      calls.map(({ id }) => ({ output: `of ${id}` })),
    );
  });

  it('takes tools beside a schema of the answer', async () => {
    const schema = { type: 'object', properties: { sky: { type: 'string' } }, required: ['sky'] };
    await ask(stream, {
      model: nameOf(server, model),
      messages: [{ role: 'system', content: 'Be brief.' }, question],
      tools: [{ type: 'function', function: { name: 'f', parameters: CITY } }],
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } },
    });
    const { generationConfig = {}, systemInstruction, tools } = sentTo(server);
    expect(tools).toHaveLength(1);
    const words = systemInstruction?.parts[0]?.text ?? '';
    expect(words).toMatch(/^Be brief\./);
    expect(words.includes(JSON.stringify(schema))).toBe(isBefore3);
    expect(generationConfig.responseSchema !== undefined).toBe(!isBefore3);
  });

  it('gets the schemas of optional fields in a form that it takes', async () => {
    const properties = {
      n: {
        anyOf: [{ type: 'integer', minimum: 1 }, { type: 'null' }],
        default: null,
        description: 'how many',
        title: 'N',
      },
      what: { type: ['string', 'integer'], description: 'what' },
      any: { description: 'anything' },
    };
    await ask(stream, {
      model: nameOf(server, model),
      messages: [question],
      tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties } } }],
    });
    expect(sentTo(server).tools?.[0]?.functionDeclarations[0]).toMatchObject({
      parameters: {
        properties: {
          n: { type: 'integer', minimum: 1, nullable: true, description: 'how many' },
          what: {
            anyOf: [
              { type: 'string', description: 'what' },
              { type: 'integer', description: 'what' },
            ],
          },
        },
      },
    });
  });

  it('takes a history that a client cut before a call, and that ends with the assistant', async () => {
    const call = { id: 'a', type: 'function' as const, function: { name: 'f', arguments: '' } };
    const { content } = await ask(stream, {
      model: nameOf(server, model),
      max_completion_tokens: 200_000,
      messages: [
        { role: 'assistant', tool_calls: [call] },
        { role: 'tool', tool_call_id: 'a', content: '1' },
        { role: 'assistant', content: 'It is ' },
      ],
    });
    expect(content).toBe(SUNNY);
    expect(sentTo(server).generationConfig).toEqual({ maxOutputTokens: 65_536 });
  });
});
