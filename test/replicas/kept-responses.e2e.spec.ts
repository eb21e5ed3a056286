import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import OpenAI from 'openai';
import { expect, describe, it, beforeAll, afterAll, onTestFinished } from 'vitest';
import { LiveWorkers } from '../../src/registry/live/live-workers.js';
import { WorkerObjects } from '../../src/registry/live/worker-objects.js';
import { createDatabase, type TestDatabase } from '../database.js';
import { type FakeUpstream, startFakeUpstream } from '../fakes/fake-upstream.js';
import { startService, type TestService } from '../service.js';
import { until } from '../until.js';

/** A server with OpenAI's responses, which knows its own ones alone. */
interface Keeper {
  readonly upstream: FakeUpstream;
  readonly ids: Set<string>;
}

async function startKeeper(): Promise<Keeper> {
  const ids = new Set<string>();
  const fresh = (prefix: string): string => {
    const id = `${prefix}_${randomBytes(16).toString('hex')}`;
    ids.add(id);
    return id;
  };
  const upstream = await startFakeUpstream((response, { method, url, body }) => {
    const held = /\/responses\/(\w+)/.exec(url)?.[1];
    if (held !== undefined) return answerNamed(response, method, url, ids.has(held) ? held : null);
    const request = JSON.parse(body) as Request;
    const { previous_response_id: previous, conversation, input, stream } = request;
    const references = typeof input === 'string' ? [] : input.filter(({ type }) => type === 'item_reference');
    const named = [
      previous,
      conversation === 'new' ? undefined : conversation,
      ...references.map(({ id }) => id),
    ];
    const unknown = named.find((id) => id !== undefined && !ids.has(id));
    if (unknown !== undefined) return answer(response, 400, { error: notFound(unknown) });
    const begun = {
      id: fresh('resp'),
      object: 'response',
      model: 'm',
      status: 'in_progress',
      conversation:
        conversation === undefined ? null : { id: conversation === 'new' ? fresh('conv') : conversation },
      output: [],
    };
    const item = {
      id: fresh('msg'),
      type: 'message',
      role: 'assistant',
      status: 'completed',
      content: [TEXT],
    };
    const whole = { ...begun, status: 'completed', output: [item] };
    if (stream !== true) return answer(response, 200, whole);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    write(response, { type: 'response.created', sequence_number: 0, response: begun });
    write(response, { type: 'response.completed', sequence_number: 1, response: whole });
    response.end();
  });
  return { upstream, ids };
}

/** @param id `null`: this server has no such response */
function answerNamed(response: ServerResponse, method: string, url: string, id: string | null): void {
  if (id === null) return answer(response, 404, { error: notFound('it') });
  if (method === 'DELETE') return answer(response, 200, { id, object: 'response', deleted: true });
  if (url.includes('/input_items'))
    return answer(response, 200, {
      object: 'list',
      data: [{ id: 'msg_1', type: 'message' }],
      has_more: false,
    });
  const status = url.endsWith('/cancel') ? 'cancelled' : 'completed';
  const whole = { id, object: 'response', status, output: [], seen: url };
  if (!url.includes('stream=true')) return answer(response, 200, whole);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  write(response, { type: 'response.completed', sequence_number: 1, response: whole });
  response.end();
}

interface Request {
  readonly previous_response_id?: string;
  readonly conversation?: string;
  readonly input: string | readonly { readonly type: string; readonly id: string }[];
  readonly stream?: boolean;
}

const TEXT = { type: 'output_text', text: 'hi', annotations: [] };

function notFound(id: string) {
  const message = `Previous response with id '${id}' not found.`;
  const param = 'previous_response_id';
  return { message, type: 'invalid_request_error', param, code: 'previous_response_not_found' };
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function write(
  response: ServerResponse,
  event: { readonly type: string } & Readonly<Record<string, unknown>>,
): void {
  response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
}

let database: TestDatabase;
let services: readonly [TestService, TestService];
let keepers: readonly Keeper[];
beforeAll(async () => {
  database = await createDatabase();
  services = [await startService({}, database), await startService({}, database)];
  keepers = [await startKeeper(), await startKeeper(), await startKeeper()];
});
afterAll(async () => {
  await Promise.all(keepers.map(({ upstream }) => upstream.close()));
  for (const service of services) await service.stop();
  await database.drop();
});

let models = 0;

/** A new model with a worker on each of the servers. */
async function modelOn(on: readonly Pick<Keeper, 'upstream'>[], more: object = {}): Promise<string> {
  const model = `kept-${(models += 1)}`;
  for (const { upstream } of on) {
    const { status, text } = await services[0].register({
      model_name: model,
      protocol: 'openai',
      profile: { responses: true },
      req_url_template: `${upstream.url}/v1`,
      health_check: { kind: 'none' },
      ...more,
    });
    expect([status, text]).toEqual([200, expect.stringContaining('succeed!')]);
  }
  const live = services[1].app.get(LiveWorkers);
  await until(() => live.model(model)?.workers.length === on.length);
  return model;
}

const clientOf = ({ url }: TestService): OpenAI =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });

describe('A follow-up of a response that is passed through', () => {
  it.each([false, true])('finds its worker on every replica (stream: %s)', async (stream) => {
    const model = await modelOn(keepers);
    const [first, second] = services.map(clientOf);
    for (let chat = 0; chat < 6; chat += 1) {
      let previous_response_id: string | undefined;
      // Every turn at the other replica, at once.
      for (const client of [first, second, second, first, first, second]) {
        const body = {
          model,
          input: 'hi',
          ...(previous_response_id === undefined ? {} : { previous_response_id }),
        };
        const response = stream
          ? await client?.responses.stream(body).finalResponse()
          : await client?.responses.create(body);
        expect(response?.output_text).toBe('hi');
        previous_response_id = response?.id;
      }
    }
  });

  it.each(['conversation', 'item_reference'])('is found by %s, too', async (kind) => {
    const model = await modelOn(keepers);
    for (let chat = 0; chat < 6; chat += 1) {
      const begin = await services[0].post('/v1/responses', { model, input: 'hi', conversation: 'new' });
      const { conversation, output } = begin.json as {
        conversation: { id: string };
        output: { id: string }[];
      };
      const body =
        kind === 'conversation'
          ? { model, input: 'hi', conversation: conversation.id }
          : { model, input: [{ type: 'item_reference', id: output[0]?.id }] };
      for (const service of services) expect((await service.post('/v1/responses', body)).status).toBe(200);
    }
  });

  it('is a 503 that says so while its worker is out, and goes to any worker once that is gone', async () => {
    const model = await modelOn(keepers);
    const { headers, json } = await services[0].post('/v1/responses', { model, input: 'hi' });
    const { id } = json as { id: string };
    const worker = headers.get('x-mmm-worker-id') ?? '';
    const follow = () => services[0].post('/v1/responses', { model, input: 'hi', previous_response_id: id });
    expect((await follow()).status).toBe(200);
    await services[0].post(`/api/v1/workers/${worker}/disable`, {});
    const out = await follow();
    expect([out.status, out.json]).toMatchObject([
      503,
      {
        error: {
          message: expect.stringContaining('what one worker keeps, and that one is disabled') as string,
        },
      },
    ]);
    expect(out.headers.get('retry-after')).toMatch(/^\d+$/);
    await services[0].post(`/api/v1/workers/${worker}/offline`, {});
    expect((await follow()).json).toMatchObject({ error: { code: 'previous_response_not_found' } });
  });

  it('is read, cancelled and deleted at its worker, from every replica', async () => {
    const model = await modelOn(keepers);
    for (const service of services) {
      const client = clientOf(service);
      const { id } = await clientOf(services[0]).responses.create({ model, input: 'hi' });
      expect(await client.responses.retrieve(id, { include: ['reasoning.encrypted_content'] })).toMatchObject(
        {
          id,
          seen: `/v1/responses/${id}?include[]=reasoning.encrypted_content`.replace('[]', '%5B%5D'),
        },
      );
      const types = [];
      for await (const event of await client.responses.retrieve(id, { stream: true })) types.push(event.type);
      expect(types).toEqual(['response.completed']);
      expect((await client.responses.inputItems.list(id)).data).toHaveLength(1);
      expect((await client.responses.cancel(id)).status).toBe('cancelled');
      const deleted = await fetch(`${service.url}/v1/responses/${id}`, { method: 'DELETE' });
      expect(await deleted.json()).toMatchObject({ id, deleted: true });
    }
  });

  it('that no worker keeps is a 404 in the envelope, and so is one whose server cannot give it out', async () => {
    const [service] = services;
    const unknown = await service.get('/v1/responses/resp_unknown');
    expect([unknown.status, unknown.json]).toMatchObject([
      404,
      { error: { message: expect.stringContaining('not known here') as string, code: null } },
    ]);
    const bare = await startKeeper();
    onTestFinished(() => bare.upstream.close());
    const model = await modelOn([bare]);
    const { id } = (await service.post('/v1/responses', { model, input: 'hi' })).json as { id: string };
    bare.ids.clear();
    const gone = await service.get(`/v1/responses/${id}`);
    expect([gone.status, gone.json]).toMatchObject([404, { error: { code: 'previous_response_not_found' } }]);
    bare.upstream.behave((response) => answer(response, 404, { detail: 'Not Found' }));
    const lacks = await service.get(`/v1/responses/${id}`);
    expect([lacks.status, lacks.json]).toMatchObject([
      404,
      { error: { message: expect.stringContaining('has no such endpoint') as string } },
    ]);
  });

  it('goes to the fallback that answered', async () => {
    const [own, fallback] = [await startKeeper(), await startKeeper()];
    onTestFinished(async () => void (await Promise.all([own.upstream.close(), fallback.upstream.close()])));
    const other = await modelOn([fallback]);
    const model = await modelOn([own]);
    await services[0].app.inject({
      method: 'PUT',
      url: `/api/v1/models/${model}`,
      payload: { fallbacks: [other] },
    });
    own.upstream.behave((response) => answer(response, 503, { error: { message: 'busy' } }));
    const { headers, json } = await services[0].post('/v1/responses', { model, input: 'hi' });
    expect(headers.get('x-mmm-model')).toBe(other);
    const { id } = json as { id: string };
    const next = await services[0].post('/v1/responses', { model, input: 'hi', previous_response_id: id });
    expect([next.status, next.headers.get('x-mmm-model')]).toEqual([200, other]);
  });
});

describe('A message that goes on from what a server of Anthropic keeps', () => {
  it.each([false, true])(
    'finds its thread and its container on every replica (stream: %s)',
    async (stream) => {
      const upstreams = [await startClaude(), await startClaude(), await startClaude()];
      onTestFinished(async () => void (await Promise.all(upstreams.map((upstream) => upstream.close()))));
      const model = await modelOn(
        upstreams.map((upstream) => ({ upstream })),
        { protocol: 'anthropic', profile: {} },
      );
      for (const [name, begin] of [
        ['thread', { thread: { type: 'create' } }],
        ['container', { container: { skills: [] } }],
      ] as const)
        for (let chat = 0; chat < 6; chat += 1) {
          let given: object = begin;
          for (const service of [...services, ...services]) {
            const body = {
              model,
              max_tokens: 9,
              messages: [{ role: 'user', content: 'hi' }],
              stream,
              ...given,
            };
            const { status, text } = await service.post('/v1/messages', body, {
              'anthropic-version': '2023-06-01',
            });
            expect([name, status, text]).toEqual([name, 200, expect.anything()]);
            const [id = ''] = (name === 'thread' ? /msg_\w+/ : /container_\w+/).exec(text) ?? [];
            // What the last event of a stream names is known a moment later.
            await until(
              async () => (await database.query('SELECT FROM worker_object WHERE id = $1', [id])).length > 0,
            );
            given =
              name === 'thread'
                ? { thread: { type: 'continue', previous_message_id: id } }
                : { container: id };
          }
        }
    },
  );
});

/** Keeps threads and containers for those that made them here. */
async function startClaude(): Promise<FakeUpstream> {
  const ids = new Set<string>();
  return startFakeUpstream((response, { body }) => {
    const { thread, container, stream } = JSON.parse(body) as ClaudeRequest;
    const named = [thread?.previous_message_id, typeof container === 'string' ? container : undefined];
    if (named.some((id) => id !== undefined && !ids.has(id)))
      return answer(response, 400, {
        type: 'error',
        error: { type: 'invalid_request_error', message: 'unknown' },
      });
    const id = `msg_${randomBytes(16).toString('hex')}`;
    const box = typeof container === 'string' ? container : `container_${randomBytes(16).toString('hex')}`;
    if (thread !== undefined) ids.add(id);
    if (container !== undefined) ids.add(box);
    const ending = {
      stop_reason: 'end_turn',
      stop_sequence: null,
      container: container === undefined ? null : { id: box },
    };
    const usage = { input_tokens: 1, output_tokens: 1 };
    const message = { id, type: 'message', role: 'assistant', model: 'm', content: [], usage };
    if (stream !== true) return answer(response, 200, { ...message, ...ending });
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    write(response, { type: 'message_start', message: { ...message, container: null } });
    write(response, { type: 'message_delta', delta: ending, usage });
    write(response, { type: 'message_stop' });
    response.end();
  });
}

interface ClaudeRequest {
  readonly thread?: { readonly previous_message_id?: string };
  readonly container?: string | object;
  readonly stream?: boolean;
}

describe('The table worker_object', () => {
  it('is written by the next response where it could not be written, and its replica goes on from memory meanwhile', async () => {
    const model = await modelOn(keepers);
    const [here, there] = services;
    await database.query('ALTER TABLE worker_object RENAME TO away');
    const { json } = await here.post('/v1/responses', { model, input: 'hi' });
    const { id: previous_response_id } = json as { id: string };
    const follow = (service: TestService) =>
      service.post('/v1/responses', { model, input: 'hi', previous_response_id });
    for (let turn = 0; turn < 6; turn += 1) expect((await follow(here)).status).toBe(200);
    await database.query('ALTER TABLE away RENAME TO worker_object');
    await here.post('/v1/responses', { model, input: 'hi' });
    for (let turn = 0; turn < 6; turn += 1) expect((await follow(there)).status).toBe(200);
  });

  it('holds no response that is not stored', async () => {
    const model = await modelOn(keepers.slice(1));
    const { json } = await services[0].post('/v1/responses', { model, input: 'hi', store: false });
    const { id } = json as { id: string };
    expect(await database.query('SELECT FROM worker_object WHERE id = $1', [id])).toEqual([]);
  });

  it('loses what is old, and the oldest beyond its bound', async () => {
    const objects = services[0].app.get(WorkerObjects);
    await database.query(`DELETE FROM worker_object; INSERT INTO worker_object (id, worker_id, created_at)
      SELECT 'resp_' || n, gen_random_uuid(), now() - make_interval(days => n) FROM generate_series(0, 40) n`);
    const count = async () => (await database.query('SELECT FROM worker_object')).length;
    await objects.purge();
    expect(await count()).toBe(30);
    await objects.purge(30, 7);
    expect(await database.query('SELECT id FROM worker_object ORDER BY created_at')).toEqual(
      [6, 5, 4, 3, 2, 1, 0].map((n) => ({ id: `resp_${n}` })),
    );
  });
});
