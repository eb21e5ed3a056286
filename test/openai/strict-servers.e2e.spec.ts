import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startStrictOpenAi, type Strictness } from '../fakes/strict-openai.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { mustRegister } from './models.js';

const MISTRAL: Strictness = {
  limit: 'max_tokens',
  unknown: ['stream_options', 'user', 'store', 'seed', 'metadata'],
  unknownOfMessages: ['name', 'reasoning_content', 'thinking_blocks'],
  unknownRoles: ['developer'],
  ids: /^[a-zA-Z0-9]{9}$/,
  order: 'mistral',
  reasoning: 'unknown',
};
const REASONING: Strictness = {
  limit: 'max_completion_tokens',
  mostTokens: 128_000,
  unknown: ['temperature', 'top_p', 'stop', 'logprobs', 'presence_penalty'],
  ids: /^.{1,40}$/,
};
/** https://console.groq.com/docs/openai */
const GROQ: Strictness = {
  unknown: ['logprobs', 'logit_bias', 'top_logprobs'],
  unknownOfMessages: ['name', 'reasoning_content', 'thinking_blocks'],
};
/** Model name, preset, upstream_model, and what the server refuses. */
const SERVERS = [
  { model: 'plain', preset: undefined, upstream: 'local', rules: {} },
  { model: 'mistral', preset: 'mistral', upstream: 'mistral-small', rules: MISTRAL },
  { model: 'groq', preset: 'groq', upstream: 'llama-4', rules: GROQ },
  { model: 'gpt-5', preset: 'openai', upstream: 'gpt-5', rules: REASONING },
  {
    model: 'o4-mini',
    preset: 'azure-openai',
    upstream: 'o4-mini',
    rules: {
      ...REASONING,
      mostTokens: 100_000,
      unknown: [...(REASONING.unknown ?? []), 'parallel_tool_calls'],
    },
  },
  { model: 'gpt-4o', preset: 'openai', upstream: 'gpt-4o', rules: { mostTokens: 16_384, ids: /^.{1,40}$/ } },
  {
    model: 'gpt-4',
    preset: 'openai',
    upstream: 'gpt-4-0613',
    rules: { mostTokens: 8192, unknownOfMessages: ['parsed', 'refusal'] },
  },
  {
    model: 'deepseek',
    preset: 'deepseek',
    upstream: 'deepseek-v4',
    rules: {
      limit: 'max_tokens',
      reasoning: 'wanted',
      unknownRoles: ['developer'],
      answers: 'json_object',
    },
  },
] as const satisfies readonly { readonly rules: Strictness; readonly [name: string]: unknown }[];
type Model = (typeof SERVERS)[number]['model'];
const MODELS = SERVERS.map(({ model }) => model);

const LONG = 'mcp__server__'.repeat(6).slice(0, 78);
const NAMES = [`${LONG}_last_a`, `${LONG}_last_b`];

let service: TestService;
let client: Anthropic;
const servers = new Map<string, Awaited<ReturnType<typeof startStrictOpenAi>>>();
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
  client = new Anthropic({ baseURL: service.url, apiKey: 'none', maxRetries: 0, timeout: 60_000 });
  for (const { model, preset, upstream, rules } of SERVERS) {
    const server = await startStrictOpenAi(rules, ({ messages, tools }) => {
      const last = messages.at(-1);
      if (last?.role === 'user' && last.content === 'count') return { text: ['one', ' E', 'ND two', ' END'] };
      const called = tools?.at(-1)?.function.name;
      if (called === undefined || last?.role === 'tool') return { text: ['Hel', 'lo'] };
      return { reasoning: 'look it up', call: { name: called, arguments: '{"a":1}' } };
    });
    servers.set(model, server);
    await mustRegister(service, {
      model_name: model,
      upstream_model: upstream,
      task: 'chat',
      ...(preset === undefined
        ? { protocol: 'openai', req_url_template: `${server.url}/v1` }
        : { preset, base_url: server.url, api_key: 'k' }),
    });
  }
});
afterAll(async () => {
  await Promise.all([...servers.values()].map((server) => server.stop()));
  await service.stop();
});

const lastBody = (model: Model) => servers.get(model)?.bodies().at(-1) ?? { messages: [] };

/** The message of Anthropic's own client, whole or put together from its events. */
function ask(model: Model, stream: boolean, body: object): Promise<Anthropic.Message> {
  const request = {
    model,
    max_tokens: 32_000,
    messages: [{ role: 'user', content: 'hi' }],
    ...body,
  } as never;
  return stream ? client.messages.stream(request).finalMessage() : client.messages.create(request);
}
const textOf = ({ content }: Anthropic.Message) =>
  content.map((block) => (block.type === 'text' ? block.text : '')).join('');
const TOOL = { name: 'get', input_schema: { type: 'object', properties: { a: { type: 'integer' } } } };

describe.each(MODELS)("A message of Anthropic's client to %s", (model) => {
  describe.each([false, true])('(stream: %s)', (stream) => {
    it.each<[string, object]>([
      ['with nothing else', {}],
      [
        'with hints for the context of Claude',
        { context_management: { edits: [] }, thinking: { type: 'adaptive' } },
      ],
      ['with an empty list of tools', { tools: [] }],
      ['with an empty list of tools and a choice', { tools: [], tool_choice: { type: 'auto' } }],
      ['with no tools and the choice of none', { tools: [], tool_choice: { type: 'none' } }],
      ['with sampling', { temperature: 0.5, top_p: 0.9, metadata: { user_id: 'u-1' } }],
      ['with a limit above that of the model', { max_tokens: 4_000_000 }],
      [
        'after a turn of thought alone',
        {
          messages: [
            { role: 'user', content: 'a' },
            { role: 'assistant', content: [{ type: 'thinking', thinking: 'hm', signature: 's' }] },
            { role: 'user', content: 'b' },
          ],
        },
      ],
      [
        'after an empty turn',
        {
          messages: [
            { role: 'user', content: 'a' },
            { role: 'assistant', content: [] },
            { role: 'user', content: 'b' },
          ],
        },
      ],
    ])('is answered %s', async (_what, body) => {
      if (model !== 'plain' && 'max_tokens' in body && ['mistral', 'deepseek'].includes(model)) return;
      expect(textOf(await ask(model, stream, body))).toBe('Hello');
    });

    it('holds a schema with optional properties without strict, and a closed one with it', async () => {
      const schema = {
        type: 'object',
        properties: { a: { type: 'string' }, b: { type: 'string' } },
        required: ['a'],
        additionalProperties: false,
      };
      for (const [required, strict] of [
        [['a'], false],
        [['a', 'b'], true],
      ] as const) {
        const format = { type: 'json_schema', schema: { ...schema, required } };
        expect(textOf(await ask(model, stream, { output_config: { format } }))).toBe('Hello');
        const sent = lastBody(model).response_format;
        // DeepSeek takes no schema.
        const takesNone = model === 'deepseek';
        expect(takesNone ? sent?.type : sent?.json_schema?.strict).toBe(takesNone ? 'json_object' : strict);
      }
    });

    it('calls tools with long names by the names that the client gave, in every turn', async () => {
      const tools = NAMES.map((name) => ({ ...TOOL, name }));
      const first = await ask(model, stream, { tools });
      const call = first.content.find((block) => block.type === 'tool_use');
      expect(call?.name).toBe(NAMES[1]);
      const [short] = lastBody(model).tools?.slice(1) ?? [];
      const second = await ask(model, stream, {
        tools,
        messages: [
          { role: 'user', content: 'hi' },
          { role: 'assistant', content: first.content },
          { role: 'user', content: [{ type: 'tool_result', tool_use_id: call?.id, content: 'done' }] },
        ],
      });
      expect(textOf(second)).toBe('Hello');
      const sent = lastBody(model).messages.flatMap(({ tool_calls: calls }) => calls ?? []);
      expect(sent.map((each) => each.function.name)).toEqual([short?.function.name]);
    });

    it('goes on after calls whose ids another server made, with the results in another order', async () => {
      const ids = ['toolu_01AbCdEfGhIjKlMnOpQrStUv', `toolu_${'01AbCdEf'.repeat(6)}`];
      const message = await ask(model, stream, {
        tools: [TOOL],
        messages: [
          { role: 'user', content: 'hi' },
          { role: 'assistant', content: ids.map((id) => ({ type: 'tool_use', id, name: 'get', input: {} })) },
          {
            role: 'user',
            content: ids.toReversed().map((id) => ({ type: 'tool_result', tool_use_id: id, content: id })),
          },
        ],
      });
      expect(textOf(message)).toBe('Hello');
      const { messages } = lastBody(model);
      const calls = messages.flatMap(({ tool_calls: each }) => each ?? []).map(({ id }) => id);
      const results = messages.filter(({ role }) => role === 'tool');
      expect(results.map((result) => calls.indexOf(result.tool_call_id ?? ''))).toEqual([1, 0]);
    });

    it('ends at a stop sequence', async () => {
      const body = { messages: [{ role: 'user', content: 'count' }], stop_sequences: ['END'] };
      const { stop } = lastBody(model);
      const text = textOf(await ask(model, stream, body));
      const takesStop = !['gpt-5', 'o4-mini'].includes(model);
      expect(stop).toBeUndefined();
      // A server that takes the field stops by itself: this one does not.
      expect(text).toBe(takesStop ? 'one END two END' : 'one ');
      expect(lastBody(model)['stop']).toEqual(takesStop ? ['END'] : undefined);
    });
  });
});

describe('The field of the limit', () => {
  it.each<[Model, string, number]>([
    ['plain', 'max_tokens', 32_000],
    ['mistral', 'max_tokens', 32_000],
    ['gpt-5', 'max_completion_tokens', 32_000],
    ['gpt-4o', 'max_tokens', 16_384],
  ])('of %s is %s', async (model, field, limit) => {
    await ask(model, false, {});
    const body = lastBody(model);
    expect(
      [body['max_tokens'], body['max_completion_tokens']].filter((value) => value !== undefined),
    ).toEqual([limit]);
    expect(body[field]).toBe(limit);
  });
});

describe('A chat of an OpenAI client that another server has answered before', () => {
  it.each<Model>(['mistral', 'groq'])('goes on at %s without the fields that it refuses', async (model) => {
    const messages = [
      { role: 'user', content: 'hi', name: 'jo' },
      { role: 'assistant', content: 'ho', reasoning_content: 'hm', thinking_blocks: [{ type: 'thinking' }] },
      { role: 'user', content: 'go on' },
    ];
    const hints = model === 'groq' ? { logit_bias: { 5: 1 }, logprobs: true } : { seed: 1, metadata: {} };
    const { status, text } = await service.post('/v1/chat/completions', { model, messages, ...hints });
    expect([status, text]).toEqual([200, expect.stringContaining('Hello')]);
    expect(lastBody(model).messages).toEqual([
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: 'ho' },
      { role: 'user', content: 'go on' },
    ]);
  });

  it.each([false, true])(
    'goes on at Mistral after interrupted results, with instructions at the end (stream: %s)',
    async (stream) => {
      const call = { id: 'abcdefghi', type: 'function', function: { name: 'f', arguments: '{}' } };
      const messages = [
        { role: 'user', content: 'hi' },
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'abcdefghi', content: 'done' },
        { role: 'user', content: 'something else' },
        { role: 'system', content: 'be brief' },
      ];
      const passed = await service.post('/v1/chat/completions', { model: 'mistral', messages, stream });
      expect([passed.status, passed.text]).toEqual([200, expect.stringMatching(/Hel.*lo/s)]);
      const used = { type: 'tool_use', id: 'abcdefghi', name: 'f', input: {} };
      const result = { type: 'tool_result', tool_use_id: 'abcdefghi', content: 'done' };
      const ofAnthropic = [
        { role: 'user', content: 'hi' },
        { role: 'assistant', content: [used] },
        { role: 'user', content: [result, { type: 'text', text: 'something else' }] },
        { role: 'system', content: 'be brief' },
      ];
      expect(textOf(await ask('mistral', stream, { messages: ofAnthropic }))).toBe('Hello');
      for (const { messages: sent } of servers.get('mistral')?.bodies().slice(-2) ?? [])
        expect(sent.map(({ role }) => role)).toEqual([
          'user',
          'assistant',
          'tool',
          'assistant',
          'user',
          'user',
        ]);
    },
  );

  it.each([false, true])(
    'is continued at Mistral where it ends with the assistant (stream: %s)',
    async (stream) => {
      const messages = [
        { role: 'user', content: 'hi' },
        { role: 'assistant', content: 'Hel' },
      ];
      const passed = await service.post('/v1/chat/completions', { model: 'mistral', messages, stream });
      expect([passed.status, passed.text]).toEqual([200, expect.stringMatching(/Hel.*lo/s)]);
      // Its server repeats the beginning, Anthropic's does not.
      expect(textOf(await ask('mistral', stream, { messages }))).toBe('lo');
      for (const { messages: sent } of servers.get('mistral')?.bodies().slice(-2) ?? [])
        expect(sent.at(-1)).toMatchObject({ role: 'assistant', content: 'Hel', prefix: true });
    },
  );

  it('has ids at OpenAI that are no longer than it takes', async () => {
    const id = `call_${'x'.repeat(60)}`;
    const messages = [
      { role: 'user', content: 'hi' },
      { role: 'assistant', tool_calls: [{ id, type: 'function', function: { name: 'f', arguments: '{}' } }] },
      { role: 'tool', tool_call_id: id, content: 'done' },
    ];
    for (const [model, longest] of [
      ['gpt-4o', 40],
      ['plain', id.length],
    ] as const) {
      expect((await service.post('/v1/chat/completions', { model, messages })).status).toBe(200);
      const [, calling, result] = lastBody(model).messages;
      expect(calling?.tool_calls?.[0]?.id.length).toBeLessThanOrEqual(longest);
      expect(result?.tool_call_id).toBe(calling?.tool_calls?.[0]?.id);
    }
    expect(lastBody('plain').messages).toEqual(messages);
  });

  it('stays as it is, byte for byte, where nothing is refused', async () => {
    const body =
      '{"model":"plain" ,"messages":[{"role":"user","content":"hi","name":"jo"},{"role":"assistant", "reasoning_content":"hm","content":"ho"},{"role":"user","content":"go"}]}';
    await fetch(`${service.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(servers.get('plain')?.raw().at(-1)).toBe(body.replace('"plain"', '"local"'));
  });
});

describe('A native call', () => {
  it.each([
    ['gpt-5', { temperature: 0.5 }],
    ['o4-mini', { temperature: 0.5 }],
    ['mistral', {}],
  ] as const)(
    'reaches %s with what it takes, by the defaults of its worker, too, whole and streamed',
    async (at, refused) => {
      const { preset, upstream } = SERVERS.find(({ model }) => model === at) ?? {};
      const model = `${at} with defaults`;
      await mustRegister(service, {
        model_name: model,
        preset,
        upstream_model: upstream,
        base_url: servers.get(at)?.url,
        api_key: 'k',
        defaults: { temperature: 0.3, max_tokens: 50 },
      });
      for (const stream of [false, true])
        for (const own of [{}, { temperature: 0.7 }]) {
          const { status, text } = await service.post('/api/v1/chat/completions', {
            model_name: model,
            input: 'hi',
            stream,
            ...own,
          });
          expect([status, text]).toEqual([200, expect.stringMatching(/Hel.*lo/s)]);
          const sent = lastBody(at);
          expect(sent['temperature'] === undefined).toBe('temperature' in refused);
          expect(sent['max_tokens'] ?? sent['max_completion_tokens']).toBe(50);
          expect(sent['stream_options'] === undefined).toBe(!stream || at === 'mistral');
        }
    },
  );
});

describe('Reasoning between calls', () => {
  const turn2 = (first: Anthropic.Message) => [
    { role: 'user', content: 'hi' },
    { role: 'assistant', content: first.content },
    {
      role: 'user',
      content: first.content.flatMap((block) =>
        block.type === 'tool_use' ? [{ type: 'tool_result', tool_use_id: block.id, content: 'done' }] : [],
      ),
    },
  ];

  it.each([false, true])('is given back where the server wants it (stream: %s)', async (stream) => {
    const first = await ask('deepseek', stream, { tools: [TOOL], thinking: { type: 'adaptive' } });
    expect(first.content.map(({ type }) => type)).toEqual(['thinking', 'tool_use']);
    expect(textOf(await ask('deepseek', stream, { tools: [TOOL], messages: turn2(first) }))).toBe('Hello');
    expect(lastBody('deepseek').messages[1]?.reasoning_content).toBe('look it up');
  });

  it.each([false, true])('is left out where the server does not know it (stream: %s)', async (stream) => {
    const first = await ask('deepseek', stream, { tools: [TOOL] });
    expect(textOf(await ask('mistral', stream, { tools: [TOOL], messages: turn2(first) }))).toBe('Hello');
  });
});

describe('A request that is passed through', () => {
  it('loses the hints that the server refuses, and keeps all other bytes', async () => {
    const body =
      '{ "model":"mistral", "stream" : true,"stream_options":{"include_usage":true} ,"x":1.10, "messages":[{"role":"user","content":"hi"}],"user":"u" }';
    const response = await fetch(`${service.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(await response.text()).toContain('[DONE]');
    expect(servers.get('mistral')?.raw().at(-1)).toBe(
      '{ "model":"mistral-small", "stream" : true ,"x":1.10, "messages":[{"role":"user","content":"hi"}] }',
    );
  });

  it.each(MODELS)('has at %s options that a client sends to every model', async (model) => {
    const options = {
      temperature: 0.5,
      top_p: 0.9,
      presence_penalty: 0.1,
      tools: [],
      tool_choice: 'auto',
      parallel_tool_calls: false,
    };
    const messages = [
      { role: 'developer', content: 'be brief' },
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: 'ho', parsed: null, refusal: null },
      { role: 'user', content: 'go on' },
    ];
    for (const limit of [{ max_tokens: 50 }, { max_completion_tokens: 50 }]) {
      const chat = { model, messages, ...options, ...limit };
      const { status, text } = await service.post('/v1/chat/completions', chat);
      expect([status, text]).toEqual([200, expect.stringContaining('Hello')]);
      const sent = lastBody(model);
      expect(sent['max_tokens'] ?? sent['max_completion_tokens']).toBe(50);
      expect(sent.messages).toHaveLength(4);
    }
  });

  it('keeps its sampling where the model takes it', async () => {
    await service.post('/v1/chat/completions', {
      model: 'gpt-4o',
      temperature: 0.5,
      presence_penalty: 0.1,
      messages: [{ role: 'user', content: 'hi' }],
    });
    expect(lastBody('gpt-4o')).toMatchObject({ temperature: 0.5, presence_penalty: 0.1 });
  });

  it('keeps a stop sequence for models that refuse it: the client reads the words of the server', async () => {
    const { status, text } = await service.post('/v1/chat/completions', {
      model: 'gpt-5',
      stop: 'END',
      messages: [{ role: 'user', content: 'hi' }],
    });
    expect([status, text]).toEqual([400, expect.stringContaining("Unsupported parameter: 'stop'")]);
  });
});

describe('A thread of messages', () => {
  it('goes on with the whole chat, which the client sends again after a 404 by its code', async () => {
    const thread = client.beta.messages.thread({ model: 'plain', max_tokens: 100, system: 'be brief' });
    expect(textOf((await thread.send({ role: 'user', content: 'hi' })) as never)).toBe('Hello');
    expect(textOf((await thread.send({ role: 'user', content: 'and again' })) as never)).toBe('Hello');
    const sent = lastBody('plain').messages.map(({ role, content }) => [role, content]);
    expect(sent).toEqual([
      ['system', 'be brief'],
      ['user', 'hi'],
      ['assistant', 'Hello'],
      ['user', 'and again'],
    ]);
  });

  it('that goes on is a 404 before any call', async () => {
    const before = servers.get('plain')?.bodies().length;
    const { status, json } = await service.post('/v1/messages', {
      model: 'plain',
      max_tokens: 9,
      messages: [{ role: 'user', content: 'x' }],
      thread: { type: 'continue', previous_message_id: 'msg_1' },
    });
    expect([status, json]).toMatchObject([
      404,
      { error: { type: 'not_found_error', details: { error_code: 'thread_not_found' } } },
    ]);
    expect(servers.get('plain')?.bodies().length).toBe(before);
  });
});
