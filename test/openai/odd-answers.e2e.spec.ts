import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Answer, json, startFakeUpstream, text } from '../fakes/fake-upstream.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { until } from '../until.js';

let service: TestService;
let openai: OpenAI;
let anthropic: Anthropic;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
  openai = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: service.url, apiKey: 'none', maxRetries: 0 });
});
afterAll(() => service.stop());

let models = 0;
async function modelOf(protocol: string, answer: Answer, more: object = {}): Promise<string> {
  const upstream = await startFakeUpstream(answer);
  onTestFinished(() => upstream.close());
  const model = `odd-${(models += 1)}`;
  const worker = {
    model_name: model,
    protocol,
    req_url_template: `${upstream.url}/v1`,
    health_check: { kind: 'none' },
    ...more,
  };
  expect((await service.register(worker)).json).toMatchObject({ success: true });
  return model;
}

const eventStream = (events: readonly (object | string)[], type = 'text/event-stream'): Answer =>
  text(
    events
      .map((event) => {
        const name = typeof event === 'object' && 'type' in event ? `event: ${String(event.type)}\n` : '';
        return `${name}data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`;
      })
      .join(''),
    200,
    { 'content-type': type },
  );
const chunk = (delta: object, finish: string | null = null, more: object = {}): object => ({
  id: 'c',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  choices: [{ index: 0, delta, finish_reason: finish, ...more }],
});
const call = (index: number, id: string, args: string): object =>
  chunk({ tool_calls: [{ index, id, type: 'function', function: { name: 'f', arguments: args } }] });
const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
const chat = { messages: [{ role: 'user' as const, content: 'hi' }] };

const OPENAI_EVENTS = [
  chunk({ role: 'assistant', content: 'Hel' }),
  chunk({ content: 'lo' }),
  call(0, 'call_1', '{"a":1}'),
  chunk({}, 'tool_calls'),
  { ...chunk({}), choices: [], usage },
  '[DONE]',
];
const EMPTY = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'm',
  content: [],
  stop_reason: null,
  stop_sequence: null,
};
const ANTHROPIC_EVENTS = [
  { type: 'message_start', message: { ...EMPTY, usage: { input_tokens: 15, output_tokens: 1 } } },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hello' } },
  { type: 'content_block_stop', index: 0 },
  { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { input_tokens: 0, output_tokens: 9 } },
  { type: 'message_stop' },
];
const GEMINI_EVENTS = [
  {
    candidates: [{ content: { parts: [{ text: 'Hel' }] } }],
    usageMetadata: { promptTokenCount: 15, candidatesTokenCount: 4 },
  },
  {
    candidates: [{ content: { parts: [{ text: 'lo' }] }, finishReason: 'STOP' }],
    usageMetadata: { promptTokenCount: 0, candidatesTokenCount: 9 },
  },
];

describe('A worker that streams events though no stream was requested', () => {
  it.each(['text/event-stream', 'text/event-stream; charset=utf-8'])(
    'answers each client whole (%s)',
    async (type) => {
      const model = await modelOf('openai', eventStream(OPENAI_EVENTS, type));
      const completion = await openai.chat.completions.create({ ...chat, model });
      expect(completion).toMatchObject({ object: 'chat.completion', usage });
      expect(completion.choices[0]).toMatchObject({
        finish_reason: 'tool_calls',
        message: {
          content: 'Hello',
          tool_calls: [{ id: 'call_1', function: { name: 'f', arguments: '{"a":1}' } }],
        },
      });
      const message = await anthropic.messages.create({ ...chat, model, max_tokens: 9 });
      expect(message).toMatchObject({
        stop_reason: 'tool_use',
        content: [
          { type: 'text', text: 'Hello' },
          { type: 'tool_use', id: 'call_1', input: { a: 1 } },
        ],
        usage: { input_tokens: 3, output_tokens: 2 },
      });
      expect((await service.chat(model, 'hi')).json).toMatchObject({ success: true, result: 'Hello' });
    },
  );

  it('is understood with a wrong type, too, where the answer is translated', async () => {
    for (const type of ['application/json', 'text/plain']) {
      const model = await modelOf('openai', eventStream(OPENAI_EVENTS, type));
      expect((await anthropic.messages.create({ ...chat, model, max_tokens: 9 })).stop_reason).toBe(
        'tool_use',
      );
    }
  });

  it.each([
    ['anthropic', ANTHROPIC_EVENTS],
    ['gemini', GEMINI_EVENTS],
  ])('of %s answers each client whole, with the largest counts', async (protocol, events) => {
    const model = await modelOf(protocol, eventStream(events));
    const { choices, usage: counts } = await openai.chat.completions.create({ ...chat, model });
    expect([choices[0]?.message.content, choices[0]?.finish_reason]).toEqual(['Hello', 'stop']);
    expect(counts).toMatchObject({ prompt_tokens: 15, completion_tokens: 9 });
    const message = await anthropic.messages.create({ ...chat, model, max_tokens: 9 });
    expect(message).toMatchObject({
      content: [{ text: 'Hello' }],
      usage: { input_tokens: 15, output_tokens: 9 },
    });
  });

  it('answers completions and responses whole; where nothing whole can be made of it, the client gets a 502', async () => {
    const completions = await modelOf(
      'openai',
      eventStream([{ choices: [{ index: 0, text: 'Hello', finish_reason: 'stop' }], usage }, '[DONE]']),
    );
    const { choices } = await openai.completions.create({ model: completions, prompt: 'hi' });
    expect(choices[0]).toMatchObject({ text: 'Hello', finish_reason: 'stop' });
    const response = { id: 'resp_1', object: 'response', status: 'completed', output: [], usage: null };
    const responses = await modelOf(
      'openai',
      eventStream([
        { type: 'response.created', response: {} },
        { type: 'response.completed', response },
      ]),
      { profile: { responses: true } },
    );
    const {
      status,
      json: body,
      headers,
    } = await service.post('/v1/responses', { model: responses, input: 'hi' });
    expect([status, body, headers.get('content-type')]).toEqual([200, response, 'application/json']);
    const cut = await modelOf('openai', eventStream([chunk({ content: 'Hel' })]));
    for (const [path, request] of [
      ['/v1/chat/completions', chat],
      ['/v1/responses', { input: 'hi' }],
      ['/v1/embeddings', { input: 'hi' }],
    ] as const) {
      const failed = await service.post(path, { ...request, model: cut });
      expect([path, failed.status, failed.json]).toMatchObject([path, 502, { error: { type: 'api_error' } }]);
    }
  });
});

describe('The stop sequence that ended a text', () => {
  it.each([
    ['stop_reason of vLLM', { stop_reason: 'END' }, 'END'],
    ['matched_stop of SGLang', { matched_stop: 'END' }, 'END'],
    ['a token of the model, as a number', { stop_reason: 128_009 }, null],
    ['a token of the model, as a number of SGLang', { matched_stop: 2 }, null],
    ['nothing', { stop_reason: null }, null],
  ])(
    'is reported to the client of Anthropic from %s, whole and streamed',
    async (_what, fields, sequence) => {
      const request = { ...chat, max_tokens: 9, stop_sequences: ['END'] };
      const wanted = {
        stop_reason: sequence === null ? 'end_turn' : 'stop_sequence',
        stop_sequence: sequence,
      };
      const choice = {
        index: 0,
        message: { role: 'assistant', content: 'Hi' },
        finish_reason: 'stop',
        ...fields,
      };
      const whole = await modelOf('openai', json({ choices: [choice] }));
      expect(await anthropic.messages.create({ ...request, model: whole })).toMatchObject(wanted);
      const events = eventStream([chunk({ content: 'Hi' }), chunk({}, 'stop', fields), '[DONE]']);
      const streamed = await modelOf('openai', events);
      const stream = anthropic.messages.stream({ ...request, model: streamed });
      expect(await stream.finalMessage()).toMatchObject(wanted);
      expect(await anthropic.messages.create({ ...request, model: streamed })).toMatchObject(wanted);
    },
  );
});

describe('A count that a later zero would wipe out', () => {
  /** In the lines of both requests for the model; each is written just after its answer. */
  async function expectLogged(model: string, counts: object): Promise<void> {
    const lines = () => service.log.filter((line) => line['msg'] === 'request' && line['model'] === model);
    await until(() => lines().length === 2);
    expect(lines()).toMatchObject([counts, counts]);
  }

  const streamed = { ...chat, stream: true, stream_options: { include_usage: true } } as const;
  it.each([
    ['anthropic', ANTHROPIC_EVENTS, [15, 9]],
    ['gemini', GEMINI_EVENTS, [15, 9]],
  ] as const)(
    'stays in a stream of %s, for clients and in the log',
    async (protocol, events, [input, output]) => {
      const model = await modelOf(protocol, eventStream(events));
      let counts: unknown;
      for await (const { usage: each } of await openai.chat.completions.create({ ...streamed, model }))
        counts = each;
      expect(counts).toMatchObject({ prompt_tokens: input, completion_tokens: output });
      const message = await anthropic.messages.stream({ ...chat, model, max_tokens: 9 }).finalMessage();
      expect(message.usage.output_tokens).toBe(output);
      await expectLogged(model, { input_tokens: input, output_tokens: output });
    },
  );

  it('stays in a stream of OpenAI that is translated or passed through', async () => {
    const zero = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
    const model = await modelOf(
      'openai',
      eventStream([
        { ...chunk({ content: 'Hi' }), usage: { prompt_tokens: 15, completion_tokens: 9, total_tokens: 24 } },
        { ...chunk({}, 'stop'), usage: zero },
        '[DONE]',
      ]),
    );
    const { usage: counts } = await anthropic.messages
      .stream({ ...chat, model, max_tokens: 9 })
      .finalMessage();
    expect(counts).toMatchObject({ input_tokens: 15, output_tokens: 9 });
    await service.post('/v1/chat/completions', { ...streamed, model });
    await expectLogged(model, { input_tokens: 15, output_tokens: 9 });
  });
});
