import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type FakeUpstream, json, startFakeUpstream } from '../fakes/fake-upstream.js';
import { startService, type TestService } from '../service.js';
import { until } from '../until.js';

const WORKERS = 4;
const [OPENAI, CLAUDE] = ['org/talk', 'org/claude'] as const;
const MODELS = [OPENAI, CLAUDE];
/** Of the 20 input tokens of each answer. */
const CACHED = 8;
const SYSTEM = 'The same system prompt for all.';

let service: TestService;
let upstreams: readonly FakeUpstream[];
let openai: OpenAI;
let anthropic: Anthropic;

/** Streams report usage only for clients that want it, as real servers do. */
const openAiServer: Answer = (response, request) => {
  const { stream, stream_options: options } = JSON.parse(request.body) as OpenAI.ChatCompletionCreateParams;
  const usage = {
    prompt_tokens: 20,
    completion_tokens: 5,
    total_tokens: 25,
    prompt_tokens_details: { cached_tokens: CACHED },
  };
  const head = { id: 'c', created: 1, model: 'x' };
  const message = { role: 'assistant', content: 'yes' };
  if (stream !== true) {
    const choices = [{ index: 0, message, finish_reason: 'stop' }];
    return json({ ...head, object: 'chat.completion', choices, usage })(response, request);
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const choices = [{ index: 0, delta: message, finish_reason: 'stop' }];
  const chunks = [{ choices }, ...(options?.include_usage === true ? [{ choices: [], usage }] : [])];
  for (const chunk of chunks)
    response.write(`data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', ...chunk })}\n\n`);
  response.end('data: [DONE]\n\n');
};

const claudeServer: Answer = (response, request) => {
  const { stream } = JSON.parse(request.body) as Anthropic.MessageCreateParams;
  const usage = { input_tokens: 20 - CACHED, cache_read_input_tokens: CACHED, output_tokens: 5 };
  const head = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude' };
  const content = [{ type: 'text', text: 'yes' }];
  const stop = { stop_reason: 'end_turn', stop_sequence: null };
  if (stream !== true) return json({ ...head, content, ...stop, usage })(response, request);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const message = { ...head, content: [], stop_reason: null, stop_sequence: null };
  for (const event of [
    { type: 'message_start', message: { ...message, usage: { ...usage, output_tokens: 1 } } },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'yes' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: stop, usage: { output_tokens: 5 } },
    { type: 'message_stop' },
  ])
    response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  response.end();
};

beforeAll(async () => {
  service = await startService();
  openai = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: service.url, apiKey: 'none', maxRetries: 0 });
  upstreams = await Promise.all(
    Array.from({ length: 2 * WORKERS }, (_, at) =>
      startFakeUpstream(at < WORKERS ? openAiServer : claudeServer),
    ),
  );
  await Promise.all(upstreams.map((upstream, at) => register(at < WORKERS ? OPENAI : CLAUDE, upstream)));
  for (const model of MODELS) await setPolicy(model);
});
afterAll(async () => {
  await service.stop();
  await Promise.all(upstreams.map((upstream) => upstream.close()));
});

async function register(model: string, upstream: FakeUpstream, more: object = {}): Promise<string> {
  const isClaude = model === CLAUDE;
  const { status, json: made } = await service.register({
    preset: isClaude ? 'anthropic' : 'openai',
    base_url: isClaude ? upstream.url : `${upstream.url}/v1`,
    model_name: model,
    upstream_model: 'claude-sonnet-4-5',
    api_key: 'k',
    health_check: { kind: 'none' },
    ...more,
  });
  expect(status).toBeLessThan(300);
  return (made as { id: string }).id;
}

async function setPolicy(model: string): Promise<void> {
  const { status } = await fetch(`${service.url}/api/v1/models/${encodeURIComponent(model)}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ strategy: 'prefix_affinity' }),
  });
  expect(status).toBeLessThan(300);
}

interface Call {
  readonly model: string;
  /** The question that begins the conversation. */
  readonly first: string;
  readonly turn: number;
  readonly stream: boolean;
  readonly headers?: Record<string, string>;
  readonly more?: object;
}

const turnsOf = ({ first, turn }: Call) => [
  { role: 'user' as const, content: first },
  ...Array.from({ length: turn }, (_, at) => [
    { role: 'assistant' as const, content: `answer ${at}` },
    { role: 'user' as const, content: `question ${at}` },
  ]).flat(),
];

/** Reads the whole answer. @returns the id of the worker */
async function callOpenAi(call: Call): Promise<string> {
  const { model, headers = {}, more } = call;
  const messages = [{ role: 'system' as const, content: SYSTEM }, ...turnsOf(call)];
  const body = { model, messages, ...more };
  if (!call.stream) {
    const { data, response } = await openai.chat.completions.create(body, { headers }).withResponse();
    expect(data.usage?.prompt_tokens_details?.cached_tokens).toBe(CACHED);
    return workerOf(response);
  }
  const options = { stream: true as const, stream_options: { include_usage: true } };
  const { data, response } = await openai.chat.completions
    .create({ ...body, ...options }, { headers })
    .withResponse();
  for await (const { usage } of data)
    if (usage) expect(usage.prompt_tokens_details?.cached_tokens).toBe(CACHED);
  return workerOf(response);
}

/** The same. */
async function callAnthropic(call: Call): Promise<string> {
  const { model, headers = {}, more } = call;
  const body = { model, max_tokens: 9, system: SYSTEM, messages: turnsOf(call), ...more };
  if (!call.stream) {
    const { data, response } = await anthropic.messages.create(body, { headers }).withResponse();
    expect(data.usage.cache_read_input_tokens).toBe(CACHED);
    return workerOf(response);
  }
  const stream = anthropic.messages.stream(body, { headers });
  const { response } = await stream.withResponse();
  expect((await stream.finalMessage()).usage.cache_read_input_tokens).toBe(CACHED);
  return workerOf(response);
}

const CLIENTS = { openai: callOpenAi, anthropic: callAnthropic };
type Client = keyof typeof CLIENTS;

function workerOf(response: Response): string {
  return response.headers.get('x-mmm-worker-id') ?? expect.unreachable('no worker is named');
}

/** The workers of the turns of a conversation, whole and streamed in turn. */
async function converse(
  client: Client,
  call: Omit<Call, 'turn' | 'stream'>,
  turns = 3,
): Promise<ReadonlySet<string>> {
  const workers = new Set<string>();
  for (let turn = 0; turn < turns; turn++)
    workers.add(await CLIENTS[client]({ ...call, turn, stream: turn % 2 === 1 }));
  return workers;
}

/** Of a series; 0: there is none yet. */
async function metric(series: string): Promise<number> {
  const { text } = await service.get('/metrics');
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return Number(line?.slice(series.length) ?? 0);
}

/** So many that they do not all have one home: worker ids are random. */
const talks = Array.from({ length: 12 }, (_, at) => `first question ${at}`);

/** Four at once, which fit at one home: `2 × mean + 4`. */
async function fourAtOnce<T, R>(items: readonly T[], use: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += 4)
    results.push(...(await Promise.all(items.slice(at, at + 4).map(use))));
  return results;
}
const each = MODELS.flatMap((model) =>
  (['openai', 'anthropic'] as const).map((client) => ({ model, client })),
);

describe.each(each)('the $client SDK at $model', ({ model, client }) => {
  it('stays at one worker with each conversation, though all have one system prompt, and cached tokens count', async () => {
    const cached = `mmm_cached_tokens_total{model="${model}"}`;
    const home = `mmm_affinity_total{model="${model}",where="home"}`;
    const [cachedBefore, homeBefore] = [await metric(cached), await metric(home)];
    const homes = await fourAtOnce(talks, (first) => converse(client, { model, first }));
    expect(homes.map(({ size }) => size)).toEqual(talks.map(() => 1));
    expect(new Set(homes.flatMap((its) => [...its])).size).toBeGreaterThan(1);
    expect(await metric(home)).toBe(homeBefore + 3 * talks.length);
    // A request is counted just after its answer.
    await until(async () => (await metric(cached)) === cachedBefore + 3 * talks.length * CACHED);
  });

  // Anthropic's API has no `prompt_cache_key`.
  const fields = client === 'openai' ? ['prompt_cache_key'] : [];
  it.each(['x-session-id', 'session-id', 'x-session-affinity', ...fields])('follows %s', async (name) => {
    const named = (value: string) =>
      name === 'prompt_cache_key' ? { more: { [name]: value } } : { headers: { [name]: value } };
    const [first = ''] = talks;
    const sessions = talks.map((_, at) => named(`session ${at}`));
    const homes = await fourAtOnce(sessions, (session) => converse(client, { model, first, ...session }));
    expect(homes.map(({ size }) => size)).toEqual(talks.map(() => 1));
    expect(new Set(homes.flatMap((its) => [...its])).size).toBeGreaterThan(1);
    if (name === 'prompt_cache_key') return;
    // Whatever the turns of a session begin with, as after an agent has compacted its context.
    const compacted = await fourAtOnce(sessions, (session) =>
      converse(client, { model, first: 'compacted', ...session }, 1),
    );
    expect(compacted).toEqual(homes);
  });
});

it('has one home for a conversation of all APIs', async () => {
  const first = 'whichever API';
  const native = await service.post('/api/v1/chat/completions', {
    model: OPENAI,
    messages: [
      { role: 'system', content: SYSTEM },
      { role: 'user', content: first },
    ],
  });
  const home = new Set([native.headers.get('x-mmm-worker-id')]);
  for (const client of ['openai', 'anthropic'] as const)
    expect(await converse(client, { model: OPENAI, first })).toEqual(home);
});

it('moves only the conversations of a worker that leaves, and back when it returns', async () => {
  const homesNow = () =>
    fourAtOnce(talks, async (first) => [...(await converse('openai', { model: OPENAI, first }, 2))]);
  const before = await homesNow();
  const [left] = before[0] ?? [];
  const set = async (state: 'disable' | 'enable') =>
    expect((await service.post(`/api/v1/workers/${left}/${state}`, {})).status).toBeLessThan(300);
  await set('disable');
  const during = await homesNow();
  expect(during.map((its, at) => [its.length, its[0] === before[at]?.[0]])).toEqual(
    before.map(([home]) => [1, home !== left]),
  );
  await set('enable');
  expect(await homesNow()).toEqual(before);
});

it('counts a conversation whose home is full as spilled, to the same second worker each time', async () => {
  const model = 'org/full';
  const held: (() => void)[] = [];
  const hold: Answer = (response, request) => {
    held.push(() => openAiServer(response, request));
  };
  const all = await Promise.all([1, 2, 3].map(() => startFakeUpstream(openAiServer)));
  for (const upstream of all) await register(model, upstream, { max_concurrency: 1 });
  await setPolicy(model);
  const call = { model, first: 'busy', turn: 0, stream: false };
  const home = await CLIENTS.openai(call);
  for (const upstream of all) upstream.behave(hold);
  const running = CLIENTS.openai(call);
  await until(() => held.length === 1);
  for (const upstream of all) upstream.behave(openAiServer);
  const spilled = new Set([await CLIENTS.openai(call), await CLIENTS.openai(call)]);
  expect(spilled.size).toBe(1);
  expect(spilled).not.toContain(home);
  for (const answer of held) answer();
  expect(await running).toBe(home);
  expect(await metric(`mmm_affinity_total{model="${model}",where="home"}`)).toBe(2);
  expect(await metric(`mmm_affinity_total{model="${model}",where="spilled"}`)).toBe(2);
  await Promise.all(all.map((upstream) => upstream.close()));
});
