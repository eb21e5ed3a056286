import type { ServerResponse } from 'node:http';
import { LLMock } from '@copilotkit/aimock';
import { expect } from 'vitest';
import { startFakeUpstream } from '../fakes/fake-upstream.js';
import type { TestService } from '../service.js';

/** A model with the same answers for every kind of worker. */
export interface SomeModel {
  /** The kind of worker. */
  readonly kind: string;
  readonly model: string;
  /** Whether chunks reach the client as the upstream sends them. */
  readonly streams: boolean;
  /** Whether it supports tools and images. */
  readonly isRich: boolean;
}

export const ANSWER = 'Hello, you! 語 and 😀.';
export const SUNNY = 'It is sunny in Paris.';

const UNPROBED = { health_check: { kind: 'none' } };
/** Answers with the field names of each vendor. */
const usage = { prompt_tokens: 3, completion_tokens: 5, input_tokens: 3, output_tokens: 5 };
const KEY = 'sk-of-the-upstream';

/** Registered by preset. */
const BY_PRESET = [
  { kind: 'passed through', preset: 'openai', base: '/v1' },
  { kind: 'passed through to Ollama', preset: 'ollama', base: '' },
  { kind: 'Anthropic', preset: 'anthropic', base: '' },
  { kind: 'Gemini', preset: 'gemini', base: '' },
] as const;

export const MODELS: readonly SomeModel[] = [
  ...BY_PRESET.map(({ kind, preset }) => ({
    kind,
    model: `org/${preset}`,
    streams: true,
    isRich: true,
  })),
  { kind: 'a template', model: 'org/whole', streams: false, isRich: false },
  { kind: 'a template that streams', model: 'org/stream', streams: true, isRich: false },
];
/** Two pass-through workers and one template worker with equal vectors. */
export const EMBEDDERS = ['org/embedding-openai', 'org/embedding-ollama', 'org/vectors'] as const;
export const VECTOR: readonly number[] = [0.25, -1, 0.5];
export const RICH_MODELS = MODELS.filter(({ isRich }) => isRich);

export interface Upstreams {
  /** Simulates OpenAI, Ollama, Anthropic and Gemini. */
  readonly mock: LLMock;
  stop(): Promise<void>;
}

/** Registers all of MODELS. */
export async function registerModels(service: TestService): Promise<Upstreams> {
  const mock = new LLMock({ port: 0, host: '127.0.0.1', logLevel: 'silent' });
  script(mock);
  const url = await mock.start();
  for (const { preset, base } of BY_PRESET)
    await mustRegister(service, {
      preset,
      model_name: `org/${preset}`,
      upstream_model: `real-${preset}`,
      base_url: url + base,
      api_key: KEY,
    });
  for (const [preset, base] of [
    ['openai', '/v1'],
    ['ollama', ''],
  ] as const)
    await mustRegister(service, {
      preset,
      model_name: `org/embedding-${preset}`,
      task: 'embedding',
      base_url: url + base,
      api_key: KEY,
    });
  const templated = await startFakeUpstream((response, { body }) => answerTemplate(response, body));
  await mustRegister(service, {
    model_name: 'org/whole',
    req_url_template: `${templated.url}/generate`,
    body: { prompt: '{USER_PROMPT}' },
    response_extract: 'answer',
    usage_extract: { input: 'in', output: 'out' },
  });
  await mustRegister(service, {
    model_name: 'org/stream',
    req_url_template: `${templated.url}/generate`,
    body: { prompt: '{USER_PROMPT}', stream: '{STREAM}' },
    response_extract: 'answer',
    usage_extract: { input: 'in', output: 'out' },
    is_stream: true,
    stream_extract: { text: 'token', done: { path: 'done', equals: true } },
  });
  await mustRegister(service, {
    model_name: 'org/vectors',
    task: 'embedding',
    req_url_template: `${templated.url}/embed`,
    body: { texts: '{INPUT}' },
    response_extract: 'vectors',
  });
  return {
    mock,
    async stop() {
      await Promise.all([mock.stop(), templated.close()]);
    },
  };
}

export async function mustRegister(service: TestService, worker: Readonly<Record<string, unknown>>) {
  const { status, text } = await service.register({ ...UNPROBED, ...worker });
  expect([status, text]).toEqual([200, expect.stringContaining('succeed!')]);
}

function script(mock: LLMock): void {
  const weather = { name: 'get_weather', arguments: { city: 'Paris' } };
  mock
    .on({ userMessage: /weather/i, hasToolResult: true }, { content: SUNNY })
    .on({ userMessage: /weather/i, hasToolResult: false }, { toolCalls: [weather] })
    .onMessage(/too much/i, {
      error: { message: 'prompt is too long', type: 'invalid_request_error' },
      status: 400,
    })
    .onMessage(/too often/i, {
      error: { message: 'slow down', type: 'rate_limit_error' },
      status: 429,
      retryAfter: 7,
    })
    .onMessage(
      /be cut/i,
      { content: 'This answer never comes to its end.' },
      { chunkSize: 4, truncateAfterChunks: 4, latency: 5 },
    )
    .onMessage(/run out/i, { content: 'Too lo', finishReason: 'length' })
    .onMessage(/as json/i, { content: '{"city":"Paris"}' }, { chunkSize: 4 })
    .onEmbedding(/./, { embedding: [...VECTOR] })
    .onMessage(/hello/i, { content: ANSWER, usage }, { chunkSize: 5, latency: 2 });
}

function answerTemplate(response: ServerResponse, body: string): void {
  const { stream, texts } = JSON.parse(body) as { stream?: boolean; texts?: string | readonly string[] };
  if (texts !== undefined)
    return write(response, 'application/json', [{ vectors: [texts].flat().map(() => VECTOR) }]);
  if (stream !== true) return write(response, 'application/json', [{ answer: ANSWER, in: 3, out: 5 }]);
  const tokens = ANSWER.match(/\S+\s*/g) ?? [];
  write(response, 'application/x-ndjson', [
    ...tokens.map((token) => ({ token })),
    { done: true, in: 3, out: 5 },
  ]);
}

function write(response: ServerResponse, type: string, lines: readonly object[]): void {
  response.writeHead(200, { 'content-type': type });
  for (const line of lines) response.write(`${JSON.stringify(line)}\n`);
  response.end();
}

/** Closes connections that clients opened and never used. */
export async function stopAll(
  service: TestService,
  ...upstreams: readonly { stop(): Promise<void> }[]
): Promise<void> {
  await Promise.all(upstreams.map((upstream) => upstream.stop()));
  service.app.getHttpServer().closeAllConnections();
  await service.stop();
}
