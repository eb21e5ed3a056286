import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Behaviour, type FakeUpstream, json } from '../fakes/fake-upstream.js';
import { aPollWorker } from '../fixtures/poll-worker.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { startService, type TestService } from '../service.js';
import { until } from '../until.js';

const ROOT = { authorization: 'Bearer root-key-of-this-test' };
const CHAT = { messages: [{ role: 'user', content: 'hello' }] };

let service: TestService;
beforeAll(async () => {
  service = await startService({
    ADMIN_API_KEY: 'root-key-of-this-test',
    UPSTREAM_ALLOW_CIDRS: '127.0.0.1',
    HOST: '127.0.0.1',
  });
});
afterAll(() => service.stop());

async function worker(
  model: string,
  more: object = {},
  behaviour: Behaviour = json({ answer: 'fine' }),
): Promise<[string, FakeUpstream]> {
  const upstream = await upstreamForTest(behaviour);
  const body = aWorker(upstream, { model_name: model, health_check: { kind: 'none' }, ...more });
  const { status, json: answer } = await service.post('/api/v1/workers', body, ROOT);
  expect(status).toBe(201);
  return [(answer as { id: string }).id, upstream];
}

async function policy(model: string, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json', ...ROOT };
  const sent = { method: 'PUT', headers, body: JSON.stringify(body) };
  expect((await fetch(`${service.url}/api/v1/models/${model}`, sent)).ok).toBe(true);
}

async function keyOf(role: string, more: object = {}): Promise<Record<string, string>> {
  const body = { name: `${role} ${JSON.stringify(more)}`, role, ...more };
  const made = await service.post('/api/v1/keys', body, ROOT);
  return { authorization: `Bearer ${(made.json as { key: string }).key}` };
}

const ask = (model: string, body: unknown = CHAT, headers: Record<string, string> = ROOT) =>
  service.post(`/api/v1/models/${model}/explain`, body, headers);
const disable = (id: string) => service.post(`/api/v1/workers/${id}/disable`, {}, ROOT);

describe('POST /api/v1/models/{name}/explain', () => {
  it('shows each worker with what is compared, calls none and counts nothing', async () => {
    const [free, upstream] = await worker('plain', { name: 'gpu-1', max_concurrency: 3, weight: 2 });
    const [off] = await worker('plain', { name: 'gpu-2' });
    await disable(off);
    const { status, json: shown } = await ask('plain');
    expect(status).toBe(200);
    const [replica] = await service.database.query<{ id: string }>('SELECT id FROM replica');
    expect(shown).toMatchObject({
      replica: replica?.id,
      model: 'plain',
      class: 'default',
      tenant: null,
      strategy: 'least_load',
      outcome: 'starts',
      would_pick: free,
      reason: null,
      queued: 0,
      workers: 2,
      fallbacks: [],
    });
    expect((shown as { candidates: object[] }).candidates).toEqual([
      {
        worker_id: free,
        worker_name: 'gpu-1',
        why_not: null,
        chance: 1,
        cost: 0.5,
        place: null,
        running: 0,
        limit_here: 3,
        max_concurrency: 3,
        weight: 2,
        priority: 0,
        relative_latency: 1,
        latency_ms: null,
        penalty: 0,
      },
      expect.objectContaining({
        worker_id: off,
        worker_name: 'gpu-2',
        why_not: expect.stringMatching(/^disabled since \d{4}-/) as string,
        chance: 0,
      }),
    ]);
    expect(upstream.requests).toEqual([]);
    const counted = /^mmm_(requests|retries|fallbacks|queue|affinity)\w*\{[^}]*model="plain"/m;
    expect((await service.get('/metrics', ROOT)).text).not.toMatch(counted);
  });

  it('leaves the turn of round robin where it was', async () => {
    await worker('turns');
    await worker('turns');
    await policy('turns', { strategy: 'round_robin' });
    const seen: unknown[] = [];
    for (let turn = 0; turn < 4; turn++) {
      const [one, other] = [await ask('turns'), await ask('turns')];
      const { would_pick: picked } = one.json as { would_pick: string };
      expect((other.json as { would_pick: string }).would_pick).toBe(picked);
      const answer = await service.post('/v1/chat/completions', { model: 'turns', ...CHAT }, ROOT);
      expect(answer.headers.get('x-mmm-worker-id')).toBe(picked);
      seen.push(picked);
    }
    expect(seen[0]).not.toBe(seen[1]);
    expect(seen.slice(2)).toEqual(seen.slice(0, 2));
  });

  it('sends a conversation where its call goes, whatever its name is read from', async () => {
    await Promise.all([worker('org/talk'), worker('org/talk'), worker('org/talk')]);
    await policy('org/talk', { strategy: 'prefix_affinity' });
    for (const session of [{}, { 'x-session-id': 'one' }, { 'x-session-id': 'two' }]) {
      const headers = { ...ROOT, ...session };
      const { json: shown } = await ask('org/talk', { model: 'org/talk', ...CHAT }, headers);
      const { would_pick: picked, candidates } = shown as {
        would_pick: string;
        candidates: { worker_id: string; place: number }[];
      };
      expect(candidates.map(({ worker_id: id, place }) => [id === picked, place])).toEqual([
        [true, 1],
        [false, expect.any(Number)],
        [false, expect.any(Number)],
      ]);
      const answer = await service.post('/v1/chat/completions', { model: 'org/talk', ...CHAT }, headers);
      expect(answer.headers.get('x-mmm-worker-id')).toBe(picked);
    }
  });

  it('names the class and the team, by header, body and the limits of the team', async () => {
    await worker('classes');
    const teams = { method: 'PUT', headers: { 'content-type': 'application/json', ...ROOT } };
    await fetch(`${service.url}/api/v1/teams/night`, {
      ...teams,
      body: JSON.stringify({ max_priority: 'default' }),
    });
    const night = await keyOf('operator', { team: 'night' });
    const classOf = async (body: object, headers: Record<string, string>) => {
      const { class: its, tenant } = (await ask('classes', body, headers)).json as Record<string, unknown>;
      return [its, tenant];
    };
    expect(await classOf({ ...CHAT, service_tier: 'flex' }, ROOT)).toEqual(['bulk', null]);
    expect(await classOf(CHAT, { ...ROOT, 'x-mmm-priority': 'interactive' })).toEqual(['interactive', null]);
    expect(await classOf(CHAT, { ...night, 'x-mmm-priority': 'interactive' })).toEqual(['default', 'night']);
    expect(await classOf({ input: 'a native call' }, night)).toEqual(['default', 'night']);
  });

  it('says that a request waits while all slots are taken', async () => {
    let release = (): void => {};
    const [id, upstream] = await worker('full', { max_concurrency: 1 }, (response) => {
      release = () => response.writeHead(200).end('{"answer":"late"}');
    });
    const running = service.post('/v1/chat/completions', { model: 'full', ...CHAT }, ROOT);
    await until(() => upstream.requests.length === 1);
    expect((await ask('full')).json).toMatchObject({
      outcome: 'waits',
      would_pick: null,
      reason: 'no worker can be used now: 1 busy',
      candidates: [
        { worker_id: id, running: 1, why_not: 'no free slot on this replica: 1 of 1 in use', chance: 0 },
      ],
    });
    release();
    expect((await running).status).toBe(200);
  });

  it('names the fallbacks in order when no worker of the model can take the request', async () => {
    const [off] = await worker('first');
    await disable(off);
    const [other] = await worker('third/one');
    await worker('secret');
    await policy('first', { fallbacks: ['second', 'secret', 'third/one'] });
    const scoped = await keyOf('operator', { models: ['first', 'second', 'third/*'] });
    expect((await ask('first', CHAT, scoped)).json).toMatchObject({
      outcome: 'fails',
      would_pick: null,
      reason: 'no worker can be used now: 1 disabled',
      fallbacks: [
        { model: 'second', outcome: 'fails', would_pick: null, reason: 'no worker carries this name' },
        { model: 'secret', outcome: 'refused', would_pick: null },
        { model: 'third/one', outcome: 'starts', would_pick: other, reason: null },
      ],
    });
  });

  it('leaves out workers that cannot serve the request, and those that the client did not choose', async () => {
    const [template] = await worker('tools');
    const api = { protocol: 'openai', body: undefined, response_extract: undefined, priority: 1 };
    const [able] = await worker('tools', api);
    const tools = [{ type: 'function', function: { name: 'now', parameters: { type: 'object' } } }];
    expect((await ask('tools')).json).toMatchObject({ would_pick: template });
    expect((await ask('tools', { ...CHAT, tools })).json).toMatchObject({
      would_pick: able,
      candidates: [
        { worker_id: able, why_not: null },
        { worker_id: template, why_not: expect.stringMatching(/^it cannot serve this request: /) as string },
      ],
    });
    expect((await ask('tools', CHAT, { ...ROOT, 'x-mmm-worker': able })).json).toMatchObject({
      would_pick: able,
      candidates: [{ worker_id: able }, { why_not: 'x-mmm-worker names another worker' }],
    });
  });

  it('says that the calls of a model with tasks become jobs', async () => {
    const { poll, task } = aPollWorker();
    await worker('tasks', { poll, task, response_extract: undefined });
    expect((await ask('tasks', { input: 'a film' })).json).toMatchObject({
      outcome: 'job',
      would_pick: null,
      candidates: [{ why_not: 'calls of this model become jobs' }],
    });
  });

  it('is for the roles that read the policies of models, within their scope', async () => {
    await worker('roles');
    expect((await ask('roles', CHAT, await keyOf('viewer'))).status).toBe(200);
    for (const headers of [await keyOf('inference'), await keyOf('registrar')])
      expect((await ask('roles', CHAT, headers)).status).toBe(403);
    const scoped = await ask('roles', CHAT, await keyOf('viewer', { models: ['other'] }));
    expect([scoped.status, scoped.text]).toEqual([403, expect.stringContaining('model_not_allowed')]);
  });

  it.each([
    ['an unknown model', 'unknown', CHAT, {}, 404, 'not exist'],
    ['no messages', 'plain', { messages: [] }, {}, 400, 'messages'],
    [
      'another model in the body',
      'plain',
      { model: 'turns', ...CHAT },
      {},
      400,
      'the path names \\"plain\\"',
    ],
    ['an unknown class', 'plain', CHAT, { 'x-mmm-priority': 'urgent' }, 400, 'x-mmm-priority'],
    ['no worker of that id', 'plain', CHAT, { 'x-mmm-worker': 'none' }, 400, 'x-mmm-worker'],
  ])('refuses %s', async (_what, model, body, headers, status, words) => {
    const answer = await ask(model, body, { ...ROOT, ...(headers as Record<string, string>) });
    expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(words)]);
  });

  it('is the only path below a model that takes a POST', async () => {
    const { status, headers } = await service.post('/api/v1/models/plain', CHAT, ROOT);
    expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD, PUT, DELETE']);
  });
});
