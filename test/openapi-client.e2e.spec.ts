import { mkdir, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json, type SeenRequest } from './fakes/fake-upstream.js';
import { upstreamForTest } from './fixtures/worker.js';
import { ROOT } from './process.js';
import { SELDOM_PROBED, startService, type TestService } from './service.js';

const DOCUMENT = readFileSync(join(ROOT, 'docs/openapi.json'), 'utf8');
/** Within the project, so that the client finds its library. */
const FOLDER = join(ROOT, `dist/openapi-client-${process.pid}`);

/** As a user of the document would write it: no cast, no `any`. */
const CLIENT = `
import createClient from 'openapi-fetch';
import type { paths } from './openapi.js';

export async function use(baseUrl: string, upstream: string, model: string) {
  const client = createClient<paths, 'application/json'>({ baseUrl });

  const registered = await client.POST('/api/server/register', {
    body: {
      model_name: model,
      req_url_template: upstream + '/v1',
      protocol: 'openai',
      weight: 2,
      labels: { zone: 'a' },
      defaults: { temperature: 0.5, seed: 'random' },
      health_check: { kind: 'none' },
      profile: { rejects: ['logit_bias'] },
    },
  });
  const preset = await client.POST('/api/v1/workers', {
    body: { model_name: model + '-preset', preset: 'vllm', base_url: upstream, api_key: 'none' },
  });
  const listed = await client.GET('/api/server/workers', { params: { query: { detail: true } } });
  const page = await client.GET('/api/v1/workers', { params: { query: { model_name: model, limit: 5 } } });
  const id = page.data?.data[0]?.id ?? '';
  const patched = await client.PATCH('/api/v1/workers/{id}', {
    params: { path: { id }, header: { 'If-Match': '*' } },
    body: { weight: 3, labels: null, defaults: { seed: null } },
  });
  const put = await client.PUT('/api/v1/models/{name}', {
    params: { path: { name: model } },
    body: { strategy: 'round_robin', retries: 1 },
  });

  const chat = await client.POST('/v1/chat/completions', {
    body: {
      model,
      messages: [
        { role: 'system', content: 'Answer in one word.' },
        { role: 'user', content: [{ type: 'text', text: 'hi' }] },
      ],
      stop: ['END'],
      max_completion_tokens: 9,
      tools: [{ type: 'function', function: { name: 'now', parameters: { type: 'object', properties: {} } } }],
    },
  });
  const text = chat.data !== undefined && 'choices' in chat.data ? chat.data.choices[0]?.message.content : null;
  const native = await client.POST('/api/v1/chat/completions', { body: { input: 'hi', model_name: model } });
  const result = native.data !== undefined && 'result' in native.data ? native.data.result : null;
  const claude = await client.POST('/v1/messages', {
    body: {
      model,
      max_tokens: 9,
      system: [{ type: 'text', text: 'Be brief.' }],
      messages: [{ role: 'user', content: 'hi' }],
    },
  });
  const wrong = await client.POST('/v1/embeddings', { body: { model: 'no-such-model', input: ['a', 'b'] } });

  const streamed = await client.POST('/v1/chat/completions', {
    body: { model, messages: [{ role: 'user', content: 'hi' }], stream: true },
    parseAs: 'stream',
  });
  let events = '';
  const decoder = new TextDecoder();
  const reader = streamed.response.body?.getReader();
  for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read())
    events += decoder.decode(part.value, { stream: true });

  return {
    registered: registered.data?.success,
    preset: preset.data?.protocol,
    task: preset.data?.task ?? 'all',
    listed: listed.data?.data.find(({ model_name }) => model_name === model)?.health !== undefined,
    weight: patched.data?.weight,
    seed: patched.data?.defaults?.seed ?? 'none',
    strategy: put.data?.strategy ?? 'settings',
    status: put.response.status,
    text,
    result,
    block: claude.data?.content[0]?.type,
    stopped: claude.data?.usage.output_tokens,
    wrong: wrong.error?.error.code ?? 'no code',
    events,
  };
}
`;

const usage = { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 };
const head = { id: 'chatcmpl-1', created: 1, model: 'm' };

function answer(response: Parameters<ReturnType<typeof json>>[0], request: SeenRequest): void {
  const { stream } = JSON.parse(request.body === '' ? '{}' : request.body) as { stream?: boolean };
  if (stream !== true) {
    const choices = [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }];
    return json({ ...head, object: 'chat.completion', choices, usage })(response, request);
  }
  const chunk = (delta: object, reason: string | null) =>
    `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`;
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(`${chunk({ role: 'assistant', content: 'hello' }, null)}${chunk({}, 'stop')}data: [DONE]\n\n`);
}

let service: TestService;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
  await mkdir(FOLDER, { recursive: true });
});
afterAll(async () => {
  await service.stop();
  await rm(FOLDER, { recursive: true, force: true });
});

/** Compiles the client. @returns what the compiler says */
async function compile(client: string): Promise<readonly string[]> {
  await writeFile(join(FOLDER, 'openapi.ts'), astToString(await openapiTS(DOCUMENT)));
  await writeFile(join(FOLDER, 'client.ts'), client);
  const program = ts.createProgram([join(FOLDER, 'client.ts')], {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    types: [],
  });
  const { diagnostics } = program.emit();
  return [...ts.getPreEmitDiagnostics(program), ...diagnostics].map(({ messageText, file, start = 0 }) => {
    const line = file?.getLineAndCharacterOfPosition(start).line ?? 0;
    return `${line + 1}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}

describe('a client that is generated from openapi.json', () => {
  it('compiles without a cast, registers, lists, changes, chats and streams', async () => {
    expect(CLIENT).not.toMatch(/\bas\b|\bany\b|@ts-|!\./);
    expect(await compile(CLIENT)).toEqual([]);
    const upstream = await upstreamForTest(answer);
    const { use } = (await import(pathToFileURL(join(FOLDER, 'client.js')).href)) as {
      use: (baseUrl: string, upstream: string, model: string) => Promise<Readonly<Record<string, unknown>>>;
    };
    expect(await use(service.url, upstream.url, 'org/generated')).toEqual({
      registered: true,
      preset: 'openai',
      task: 'all',
      listed: true,
      weight: 3,
      seed: 'none',
      strategy: 'round_robin',
      status: 201,
      text: 'hello',
      result: 'hello',
      block: 'text',
      stopped: 1,
      wrong: 'model_not_found',
      events: expect.stringContaining('data: [DONE]') as unknown,
    });
  });

  it('does not compile where it sends what the service refuses', async () => {
    const wrong = CLIENT.replace('weight: 2,', "weight: '2',").replace("kind: 'none'", "kind: 'ftp'");
    const problems = await compile(wrong);
    expect(problems.join('\n')).toContain("'number'");
    expect(problems.length).toBeGreaterThanOrEqual(2);
  });
});

describe('docs/openapi.json', () => {
  const problemsOf = async (source: string) => {
    const config = await createConfig({ extends: ['recommended'] });
    const problems = await lintFromString({ source, absoluteRef: '/openapi.json', config });
    return problems.map(({ ruleId, location }) => `${ruleId} at ${location[0]?.pointer ?? ''}`);
  };

  it('passes the rules that Redocly recommends, without an error or a warning', async () => {
    expect(await problemsOf(DOCUMENT)).toEqual([]);
  });

  it('is checked by rules that find a fault', async () => {
    expect(await problemsOf(DOCUMENT.replace('"servers"', '"x-servers"'))).toEqual([
      'no-empty-servers at #/openapi',
    ]);
  });
});
