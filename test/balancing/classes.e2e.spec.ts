import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { change, limitedKey, root, SETTINGS, bearer } from '../access/limited-keys.js';
import { upstreamForTest } from '../fixtures/worker.js';
import { type Answer, startService, type TestService } from '../service.js';
import { HeldServer } from './held-server.js';

let service: TestService;
beforeAll(async () => {
  service = await startService(SETTINGS);
});
afterAll(() => service.stop());

const priorityOf = ({ headers }: Answer) => headers.get('x-mmm-priority');

describe('bulk beside other requests', () => {
  it.each([
    ['a whole answer', {}],
    ['a stream that has not begun', { stream: true }],
  ])('makes room and is answered later: %s', async (title, more) => {
    const server = await HeldServer.start(service, `cut-${title.length}`);
    const bulk = server.chat('batch', 'bulk', more);
    await server.runs('batch');
    const chat = server.chat('hello', 'interactive');
    await server.runs('hello');
    expect(server.upstream.aborted).toBe(1);
    await server.finish('hello');
    expect(await chat).toMatchObject({ status: 200, text: expect.stringContaining('hello') });
    await server.finish('batch');
    const answer = await bulk;
    expect(answer).toMatchObject({ status: 200, text: expect.stringContaining('batch') });
    expect(priorityOf(answer)).toBe('bulk');
    expect(answer.headers.get('x-mmm-cuts')).toBe('1');
    expect(answer.headers.get('x-mmm-attempts')).toBe('1');
    expect(Number(answer.headers.get('x-mmm-queue-ms'))).toBeGreaterThanOrEqual(0);
    const { text } = await service.get('/metrics', root);
    expect(text).toContain(`mmm_bulk_cuts_total{model="${server.model}"} 1`);
    expect(text).toMatch(
      new RegExp(`^mmm_bulk_lost_seconds_total\\{model="${server.model}"\\} [\\d.]+$`, 'm'),
    );
    expect(text).toContain(`mmm_queue_seconds_count{model="${server.model}",priority="bulk"} 1`);
  });

  it('waits while others do, and interactive requests go before default ones', async () => {
    const server = await HeldServer.start(service, 'order', { max: 10 });
    const running = server.chat('running', 'default');
    await server.runs('running');
    const answers = [running];
    for (const [prompt, priority] of [
      ['batch', 'bulk'],
      ['ordinary', 'default'],
      ['chat', 'interactive'],
    ] as const) {
      answers.push(server.chat(prompt, priority));
      await server.waits(priority, 1);
    }
    for (const prompt of ['running', 'chat', 'ordinary', 'batch']) await server.finish(prompt);
    for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
  });

  it('loses its place in a full queue first, but keeps one, and the 503 says when to try again', async () => {
    const server = await HeldServer.start(service, 'places', { max: 2 });
    const running = server.chat('running', 'default');
    await server.runs('running');
    const kept = server.chat('kept', 'bulk');
    await server.waits('bulk', 1);
    const dropped = server.chat('dropped', 'bulk');
    await server.waits('bulk', 2);
    const waiting = server.chat('ordinary', 'default');
    const lost = await dropped;
    expect(lost).toMatchObject({ status: 503, text: expect.stringContaining('your queue is full') });
    expect(priorityOf(lost)).toBe('bulk');
    const seconds = Number(lost.headers.get('retry-after'));
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(await server.chat('too many', 'default')).toMatchObject({ status: 503 });
    for (const prompt of ['running', 'ordinary', 'kept']) await server.finish(prompt);
    for (const { status } of await Promise.all([running, waiting, kept])) expect(status).toBe(200);
  });
});

describe('the class of a request', () => {
  it('is the first that header, service_tier, key and model give, and never above the highest of the team', async () => {
    const upstream = await upstreamForTest((response) => {
      const choices = [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'x' } }];
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ id: 'x', object: 'chat.completion', choices }));
    });
    const model = 'classes';
    const worker = {
      model_name: model,
      protocol: 'openai',
      req_url_template: `${upstream.url}/v1`,
      health_check: { kind: 'none' },
    };
    expect((await service.post('/api/server/register', worker, root)).status).toBe(200);
    const key = await limitedKey(service, null, { priority: 'interactive', team: 'night' });
    const plain = await limitedKey(service, null);
    const sent = { model, messages: [{ role: 'user', content: 'x' }] };
    const classOf = async (apiKey: string, body: object = {}, headers: Record<string, string> = {}) =>
      priorityOf(
        await service.post('/v1/chat/completions', { ...sent, ...body }, { ...bearer(apiKey), ...headers }),
      );
    expect(await classOf(plain.key)).toBe('default');
    await change(service, 'PUT', `/api/v1/models/${model}`, { priority: 'bulk', bulk_share: 0.5 });
    expect(await classOf(plain.key)).toBe('bulk');
    expect(await classOf(key.key)).toBe('interactive');
    expect(await classOf(key.key, { service_tier: 'flex' })).toBe('bulk');
    expect(await classOf(key.key, { service_tier: 'scale' })).toBe('default');
    expect(await classOf(key.key, { service_tier: 'flex' }, { 'x-mmm-priority': 'interactive' })).toBe(
      'interactive',
    );
    const openAi = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: plain.key, maxRetries: 0 });
    const { response } = await openAi.chat.completions
      .create({ model, messages: [{ role: 'user', content: 'x' }], service_tier: 'priority' })
      .withResponse();
    expect(response.headers.get('x-mmm-priority')).toBe('interactive');
    await change(service, 'PUT', '/api/v1/teams/night', { max_priority: 'default' });
    expect(await classOf(key.key)).toBe('default');
    expect(await classOf(key.key, {}, { 'x-mmm-priority': 'bulk' })).toBe('bulk');
    const typo = await service.post('/v1/chat/completions', sent, {
      ...bearer(key.key),
      'x-mmm-priority': 'interctive',
    });
    expect(typo).toMatchObject({
      status: 400,
      text: expect.stringContaining('x-mmm-priority: must be one of interactive, default, bulk'),
    });
    expect((await service.get('/api/v1/teams/night', root)).json).toMatchObject({ max_priority: 'default' });
    expect((await service.get(`/api/v1/keys/${key.id}`, root)).json).toMatchObject({
      priority: 'interactive',
    });
    expect((await service.get(`/api/v1/models/${model}`, root)).json).toMatchObject({
      priority: 'bulk',
      bulk_share: 0.5,
      effective: { priority: 'bulk', bulk_share: 0.5 },
    });
  });

  it('is a number for the templates of a worker', async () => {
    const upstream = await upstreamForTest((response, { url, headers, body }) => {
      const answer = `${url} ${String(headers['x-rank'])} ${body}`;
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ answer }));
    });
    const worker = {
      model_name: 'ranks',
      req_url_template: `${upstream.url}/{PRIORITY}`,
      header: { 'x-rank': '{PRIORITY}' },
      body: { prompt: '{USER_PROMPT}', priority: '{PRIORITY}' },
      response_extract: 'answer',
      health_check: { kind: 'none' },
    };
    expect((await service.post('/api/server/register', worker, root)).status).toBe(200);
    for (const [rank, priority] of ['interactive', 'default', 'bulk'].entries()) {
      const { json } = await service.chat('ranks', 'x', { ...root, 'x-mmm-priority': priority });
      expect(json).toMatchObject({ result: `/${rank} ${rank} {"prompt":"x","priority":${rank}}` });
    }
  });
});
