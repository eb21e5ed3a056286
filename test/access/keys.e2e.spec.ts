import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RIGHTS, ROLES, rightOf, type Role, ROUTES } from '../../src/access/roles.js';
import { databaseBehindProxy } from '../database-behind-proxy.js';
import { json } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { serviceForTest, startService, type TestService } from '../service.js';
import { until } from '../until.js';

const ROOT_KEY = 'the-first-admin-key';
const SETTINGS = {
  DATABASE: 'embedded',
  ADMIN_API_KEY: ROOT_KEY,
  UPSTREAM_ALLOW_CIDRS: '127.0.0.0/8',
} as const;
const root = { authorization: `Bearer ${ROOT_KEY}` };
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

interface Made {
  readonly id: string;
  readonly key: string;
  readonly generation: number;
}

let service: TestService;
beforeAll(async () => {
  service = await startService(SETTINGS);
});
afterAll(() => service.stop());

/** A key of the API ends in the future; one that has ended is made so in the table. */
const NEXT_YEAR = new Date(Date.now() + 365 * 86_400_000).toISOString();
let count = 0;
async function make(more: Readonly<Record<string, unknown>> = {}): Promise<Made> {
  const answer = await service.post(
    '/api/v1/keys',
    { name: `key ${++count}`, role: 'inference', ...more },
    root,
  );
  expect([answer.status, answer.text]).toEqual([201, expect.stringContaining('mmm_')]);
  return answer.json as Made;
}

async function call(
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: unknown,
): Promise<{ readonly status: number; readonly json: unknown }> {
  const answer = await fetch(service.url + path, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  // Such a stream has no end.
  if (path === '/api/v1/changes' && answer.ok) {
    await answer.body?.cancel();
    return { status: answer.status, json: null };
  }
  const text = await answer.text();
  return { status: answer.status, json: text.startsWith('{') ? (JSON.parse(text) as unknown) : text };
}

const errorCode = ({ json: body }: { readonly json: unknown }) =>
  (body as { readonly error?: { readonly code?: string } }).error?.code;

describe('a key', () => {
  it('is shown once, stored as its SHA-256 only, and named as the actor of what it changes', async () => {
    const { id, key } = await make({ name: 'ci', role: 'operator', labels: { repo: 'a/b' } });
    expect(key).toMatch(/^mmm_[\w-]{43}$/);
    const read = await call('GET', `/api/v1/keys/${id}`, root);
    expect(read.json).toMatchObject({
      id,
      name: 'ci',
      prefix: key.slice(0, 12),
      role: 'operator',
      created_by: 'root',
    });
    const list = await call('GET', '/api/v1/keys?limit=200', root);
    expect(JSON.stringify([read.json, list.json, service.log])).not.toContain(key);
    const rows = await service.database.query<{ hash: Buffer; row: string }>(
      'SELECT hash, k::text AS row FROM api_key k WHERE id = $1',
      [id],
    );
    expect(rows[0]?.hash.equals(createHash('sha256').update(key).digest())).toBe(true);
    expect(rows[0]?.row).not.toContain(key);

    const put = await call('PUT', '/api/v1/models/of-ci', bearer(key), { retries: 1 });
    expect(put.json).toMatchObject({ updated_by: 'ci' });
    const events = await call('GET', '/api/v1/events?limit=20', root);
    const { data } = events.json as { data: Record<string, unknown>[] };
    expect(data).toContainEqual(
      expect.objectContaining({ subject: 'model', subject_name: 'of-ci', actor: 'ci', via: 'api' }),
    );
    expect(data).toContainEqual(
      expect.objectContaining({
        subject: 'key',
        subject_id: id,
        subject_name: 'ci',
        kind: 'created',
        actor: 'root',
        after: expect.objectContaining({ role: 'operator', hash: '<sealed>' }) as unknown,
      }),
    );
    expect(await call('GET', '/api/v1/me', bearer(key))).toMatchObject({
      json: { key_id: id, name: 'ci', role: 'operator' },
    });
  });

  it('can be made in SQL, with any text', async () => {
    await service.database.query(
      `INSERT INTO api_key (name, role, hash) VALUES ('by hand', 'viewer', sha256('a-text-of-my-own'))`,
    );
    await until(
      async () => (await call('GET', '/api/v1/workers', bearer('a-text-of-my-own'))).status === 200,
    );
    expect((await call('PUT', '/api/v1/models/x', bearer('a-text-of-my-own'), {})).status).toBe(403);
    await service.database.query(`DELETE FROM api_key WHERE name = 'by hand'`);
    await until(
      async () => (await call('GET', '/api/v1/workers', bearer('a-text-of-my-own'))).status === 401,
    );
  });

  it('that is missing, unknown, expired, disabled or revoked gets a 401 that says which', async () => {
    const soon = await make({ expires_at: NEXT_YEAR });
    await service.database.query('UPDATE api_key SET expires_at = now() WHERE id = $1', [soon.id]);
    const disabled = await make();
    expect(
      (
        await call('PATCH', `/api/v1/keys/${disabled.id}`, root, {
          disabled: true,
          disabled_reason: 'leaked',
        })
      ).status,
    ).toBe(200);
    const revoked = await make();
    expect((await call('DELETE', `/api/v1/keys/${revoked.id}`, root)).status).toBe(204);
    await until(async () => (await call('GET', '/v1/models', bearer(soon.key))).status === 401);
    const codes = [];
    for (const key of ['', 'wrong', `mmm_${'x'.repeat(43)}`, soon.key, disabled.key, revoked.key]) {
      const answer = await call('GET', '/v1/models', key === '' ? {} : bearer(key));
      codes.push([answer.status, errorCode(answer)]);
    }
    expect(codes).toEqual([
      [401, 'missing_api_key'],
      [401, 'invalid_api_key'],
      [401, 'invalid_api_key'],
      [401, 'expired_api_key'],
      [401, 'disabled_api_key'],
      [401, 'revoked_api_key'],
    ]);
    expect(
      (await call('PATCH', `/api/v1/keys/${disabled.id}`, root, { disabled: false })).json,
    ).toMatchObject({
      disabled: false,
      disabled_reason: null,
    });
    expect((await call('GET', '/v1/models', bearer(disabled.key))).status).toBe(200);
    expect((await call('GET', `/api/v1/keys/${revoked.id}`, root)).json).toMatchObject({
      revoked_at: expect.any(String) as unknown,
    });
    expect((await call('PATCH', `/api/v1/keys/${revoked.id}`, root, { disabled: true })).status).toBe(404);
  });

  it('that is rotated is accepted together with the new one until the overlap ends', async () => {
    const { id, key } = await make();
    const rotated = (await call('POST', `/api/v1/keys/${id}/rotate`, root, { overlap_s: 600 })).json as Made;
    expect(rotated.id).toBe(id);
    expect((await call('GET', '/v1/models', bearer(rotated.key))).status).toBe(200);
    expect((await call('GET', '/v1/models', bearer(key))).status).toBe(200);
    await service.database.query('UPDATE api_key SET old_hash_until = now() WHERE id = $1', [id]);
    await until(async () => (await call('GET', '/v1/models', bearer(key))).status === 401);
    expect((await call('GET', '/v1/models', bearer(rotated.key))).status).toBe(200);
    const at_once = (await call('POST', `/api/v1/keys/${id}/rotate`, root, { overlap_s: 0 })).json as Made;
    expect((await call('GET', '/v1/models', bearer(rotated.key))).status).toBe(401);
    expect((await call('GET', '/v1/models', bearer(at_once.key))).status).toBe(200);
  });

  it('is changed by a merge patch, under If-Match, and its faults are named all at once', async () => {
    const { id, generation } = await make({
      limits: { requests_per_minute: 60, cost_per_month: 12.5 },
      models: ['a', 'b/*'],
    });
    const patched = await call('PATCH', `/api/v1/keys/${id}`, root, {
      limits: { requests_per_minute: null },
      team: 'search',
    });
    expect(patched.json).toMatchObject({
      team: 'search',
      models: ['a', 'b/*'],
      limits: { requests_per_minute: null, cost_per_month: 12.5 },
      generation: generation + 1,
    });
    const stale = await call(
      'PATCH',
      `/api/v1/keys/${id}`,
      { ...root, 'if-match': `"${generation}"` },
      { team: null },
    );
    expect(stale.status).toBe(412);
    const bad = await call('POST', '/api/v1/keys', root, {
      name: 'root',
      role: 'god',
      models: ['a*b'],
      limits: { requests_per_minute: 0, nonsense: 1 },
      expires_at: 'tomorrow',
    });
    expect(bad.status).toBe(400);
    const { details } = bad.json as { details: { field: string }[] };
    expect(details.map(({ field }) => field).toSorted()).toEqual([
      'expires_at',
      'limits.nonsense',
      'limits.requests_per_minute',
      'models',
      'name',
      'role',
    ]);
    const twice = await call('POST', '/api/v1/keys', root, { name: `key ${count}`, role: 'viewer' });
    expect([twice.status, JSON.stringify(twice.json)]).toEqual([
      409,
      expect.stringContaining(`key ${count}`),
    ]);
    expect(
      (
        await call('POST', '/api/v1/keys', root, {
          name: 'late',
          role: 'viewer',
          expires_at: '2020-01-01T00:00:00Z',
        })
      ).status,
    ).toBe(400);
  });

  it('shows when it was last used', async () => {
    const { id, key } = await make();
    await call('GET', '/v1/models', bearer(key));
    const { KeySync } = await import('../../src/access/keys/key-sync.js');
    await service.app.get(KeySync).writeUses();
    expect((await call('GET', `/api/v1/keys/${id}`, root)).json).toMatchObject({
      last_used_at: expect.any(String) as unknown,
      generation: 1,
    });
  });
});

describe('the scope of a key', () => {
  it('keep what models outside answered from a key, on a server that two models share', async () => {
    let made = 0;
    const upstream = await upstreamForTest((response, { url }) => {
      const id = `${url.includes('messages') ? 'msg' : 'resp'}_${(made += 1)}`;
      const usage = { input_tokens: 1, output_tokens: 1 };
      const item = { id: `msg_of_${id}`, type: 'message', role: 'assistant', content: [] };
      const body = url.includes('messages')
        ? { id, type: 'message', role: 'assistant', model: 'm', content: [], usage, stop_reason: 'end_turn' }
        : { id, object: 'response', status: 'completed', model: 'm', output: [item], usage };
      json(body)(response, { url } as never);
    });
    const registered = [
      ['kept/own', 'openai', { responses: true }],
      ['kept/other', 'openai', { responses: true }],
      ['claude/own', 'anthropic', {}],
      ['claude/other', 'anthropic', {}],
    ] as const;
    for (const [model_name, protocol, profile] of registered) {
      const health_check = { kind: 'none' };
      const body = { model_name, protocol, profile, health_check, req_url_template: `${upstream.url}/v1` };
      expect((await service.post('/api/server/register', body, root)).status).toBe(200);
    }
    const { key } = await make({ models: ['kept/own', 'claude/own'] });
    const respond = async (headers: Record<string, string>, body: object) => {
      const answer = await call('POST', '/v1/responses', headers, { input: 'hi', ...body });
      return { ...answer, id: (answer.json as { id?: string }).id };
    };
    const own = await respond(bearer(key), { model: 'kept/own' });
    const other = await respond(root, { model: 'kept/other' });
    expect([own.status, other.status]).toEqual([200, 200]);
    const named = (id: string | undefined) => ({ model: 'kept/own', previous_response_id: id });
    const reference = { type: 'item_reference', id: `msg_of_${other.id}` };
    const before = made;
    const refused = [
      await respond(bearer(key), named(other.id)),
      await respond(bearer(key), { ...named(own.id), input: [reference] }),
      await call('GET', `/v1/responses/${other.id}`, bearer(key)),
      await call('DELETE', `/v1/responses/${other.id}`, bearer(key)),
    ];
    for (const { status, json: body } of refused)
      expect([status, body]).toEqual([
        404,
        { error: expect.objectContaining({ message: expect.stringContaining('not known here') as string }) },
      ]);
    expect(made).toBe(before);
    expect((await respond(bearer(key), named(own.id))).status).toBe(200);
    expect((await respond(root, named(other.id))).status).toBe(200);

    const chat = { max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] };
    const begun = await call('POST', '/v1/messages', root, {
      ...chat,
      model: 'claude/other',
      thread: { type: 'create' },
    });
    const { id } = begun.json as { id: string };
    const thread = { type: 'continue', previous_message_id: id };
    const goOn = (headers: Record<string, string>) =>
      call('POST', '/v1/messages', headers, { ...chat, model: 'claude/own', thread });
    expect((await goOn({ 'x-api-key': key })).status).toBe(404);
    expect((await goOn(root)).status).toBe(200);
  });

  it('decides which models it may call and see, on every API, and leaves out fallbacks', async () => {
    const upstream = await upstreamForTest(json({ answer: 'hello' }));
    const dead = await upstreamForTest(json({ error: 'broken' }, 500));
    for (const [name, at] of [
      ['a/one', upstream],
      ['b', upstream],
      ['broken', dead],
    ] as const)
      expect(
        (await service.post('/api/server/register', { ...aWorker(at), model_name: name }, root)).status,
      ).toBe(200);
    await call('PUT', '/api/v1/models/broken', root, { fallbacks: ['b', 'a/one'], retries: 0 });
    const { key } = await make({ models: ['a/*', 'broken'] });
    const chat = { messages: [{ role: 'user', content: 'x' }], max_tokens: 5 };
    const refused = [
      await call('POST', '/api/v1/chat/completions', bearer(key), { model_name: 'b', input: 'x' }),
      await call('POST', '/v1/chat/completions', bearer(key), { ...chat, model: 'b' }),
      await call('POST', '/v1/messages', { 'x-api-key': key }, { ...chat, model: 'b' }),
      await call('POST', '/v1/responses', bearer(key), { model: 'b', input: 'x' }),
      await call('POST', '/v1/embeddings', bearer(key), { model: 'no such model', input: 'x' }),
      await call('POST', '/api/v1/jobs', bearer(key), { model: 'b', prompt: 'x' }),
      await call('GET', '/v1/models/b', bearer(key)),
    ];
    expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 403));
    expect(errorCode(refused[1] ?? { json: {} })).toBe('model_not_allowed');
    expect(refused[2]?.json).toMatchObject({ type: 'error', error: { type: 'permission_error' } });
    expect(refused[0]?.json).toMatchObject({ success: false });

    expect(
      (await call('POST', '/v1/chat/completions', bearer(key), { ...chat, model: 'a/one' })).status,
    ).toBe(200);
    const fallen = await service.post('/v1/chat/completions', { ...chat, model: 'broken' }, bearer(key));
    expect([fallen.status, fallen.headers.get('x-mmm-model')]).toEqual([200, 'a/one']);
    const listed = (await call('GET', '/v1/models', bearer(key))).json as { data: { id: string }[] };
    expect(listed.data.map(({ id }) => id).toSorted()).toEqual(['a/one', 'broken']);
  });
});

describe('a registrar', () => {
  it('registers and changes its own workers and those of its team, sees no others, and uses no secrets', async () => {
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    const [pod, mate, other] = [
      await make({ role: 'registrar', team: 'speech' }),
      await make({ role: 'registrar', team: 'speech' }),
      await make({ role: 'registrar' }),
    ];
    const worker = { ...aWorker(upstream), header: { authorization: 'Bearer of-the-pod' } };
    const made = await service.post('/api/v1/workers', worker, bearer(pod.key));
    expect([made.status, made.json]).toMatchObject([
      201,
      { registered_by_key: pod.id, registered_by_team: 'speech' },
    ]);
    const { id } = made.json as { id: string };
    const adminsWorker = aWorker(upstream);
    const admins = await service.post('/api/v1/workers', adminsWorker, root);
    const { id: adminsId } = admins.json as { id: string };

    expect((await call('PATCH', `/api/v1/workers/${id}`, bearer(mate.key), { weight: 5 })).status).toBe(200);
    const key = { model_name: worker.model_name, req_url_template: worker.req_url_template };
    const adminsKey = {
      model_name: adminsWorker.model_name,
      req_url_template: adminsWorker.req_url_template,
    };
    const refused = [
      await call('PATCH', `/api/v1/workers/${id}`, bearer(other.key), { weight: 6 }),
      await call('GET', `/api/v1/workers/${id}`, bearer(other.key)),
      await call('GET', `/api/v1/workers/${id}/events`, bearer(other.key)),
      await call('DELETE', `/api/v1/workers/${id}`, bearer(other.key)),
      await call('POST', `/api/v1/workers/${id}/disable`, bearer(other.key)),
      await call('POST', `/api/v1/workers/${id}/probe`, bearer(other.key)),
      await call('PUT', '/api/v1/workers', bearer(other.key), worker),
      await call('POST', '/api/server/offline', bearer(other.key), key),
      await call('POST', '/api/server/heartbeat', bearer(other.key), key),
      await call('POST', `/api/v1/workers/${adminsId}/disable`, bearer(pod.key)),
      await call('POST', '/api/server/offline', bearer(pod.key), adminsKey),
      await call('POST', '/api/server/register', bearer(pod.key), {
        ...aWorker(upstream),
        header: { authorization: 'Bearer ${secret:OPENAI}' },
      }),
    ];
    expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 403));
    const seen = async (by: Made): Promise<unknown[]> => [
      ((await call('GET', '/api/v1/workers', bearer(by.key))).json as { data: { id: string }[] }).data.map(
        (each) => each.id,
      ),
      (
        (await call('GET', '/api/server/workers?detail=true', bearer(by.key))).json as {
          data: { id: string }[];
        }
      ).data.map((each) => each.id),
    ];
    expect(await seen(pod)).toEqual([[id], [id]]);
    expect(await seen(mate)).toEqual([[id], [id]]);
    expect(await seen(other)).toEqual([[], []]);
    expect((await call('POST', '/api/server/offline', bearer(mate.key), key)).status).toBe(200);
    // Offline, it still belongs to its registrar.
    expect((await call('POST', '/api/server/register', bearer(other.key), worker)).status).toBe(403);
    expect((await call('POST', '/api/server/register', bearer(pod.key), worker)).status).toBe(200);
  });
});

describe('a registrar with a scope', () => {
  it('adds workers to the models of its scope only, by whatever path', async () => {
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    const { key } = await make({ role: 'registrar', models: ['speech-*'] });
    for (const [method, path] of [
      ['POST', '/api/v1/workers'],
      ['PUT', '/api/v1/workers'],
      ['POST', '/api/server/register'],
    ] as const) {
      const within = { ...aWorker(upstream), model_name: `speech-${method}${path.length}` };
      const status = async (worker: object) => (await call(method, path, bearer(key), worker)).status;
      expect([path, await status(within), await status(aWorker(upstream))]).toEqual([
        path,
        path === '/api/server/register' ? 200 : 201,
        403,
      ]);
    }
    const refused = await call('PUT', '/api/v1/workers', bearer(key), aWorker(upstream));
    expect(errorCode(refused)).toBe('model_not_allowed');
  });
});

describe('an operator', () => {
  it('cannot send a secret elsewhere by undoing what came before it', async () => {
    const [theirs, ours] = [await upstreamForTest(json({ answer: 'x' })), await upstreamForTest(json({}))];
    const { key } = await make({ role: 'operator' });
    for (const credential of ['Bearer ${secret:TOP}', 'Bearer sealed-one']) {
      const { id } = (await service.post('/api/v1/workers', aWorker(theirs), bearer(key))).json as Made;
      const path = `/api/v1/workers/${id}`;
      const undo = async (who: string, column: string) => {
        const events = await call('GET', `/api/v1/events?worker_id=${id}&kind=changed`, root);
        const { data } = events.json as { data: { id: string; after: Record<string, unknown> }[] };
        const event = data.find(({ after }) => Object.keys(after).some((name) => name.endsWith(column)));
        return call('POST', `/api/v1/events/${event?.id}/undo?force=true`, bearer(who));
      };
      const url = ours.url + '/x';
      expect((await call('PATCH', path, bearer(key), { req_url_template: url })).status).toBe(200);
      const header = { authorization: credential };
      expect((await call('PATCH', path, root, { header })).status).toBe(200);

      const refused = await undo(key, 'req_url_template');
      expect([refused.status, errorCode(refused)]).toEqual([403, 'insufficient_role']);
      expect((await call('GET', path, root)).json).toMatchObject({ req_url_template: url });

      expect((await call('PATCH', path, bearer(key), { header: null })).status).toBe(200);
      expect((await undo(key, 'header')).status).toBe(403);
      expect((await undo(ROOT_KEY, 'header')).status).toBe(200);
      expect((await call('PATCH', path, bearer(key), { weight: 7 })).status).toBe(200);
      expect((await undo(key, 'weight')).status).toBe(200);
    }
  });

  it('changes and switches workers, but neither sets credentials nor sends stored ones elsewhere', async () => {
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    const { key } = await make({ role: 'operator' });
    const made = await service.post(
      '/api/v1/workers',
      { ...aWorker(upstream), header: { authorization: 'Bearer sealed-one' } },
      root,
    );
    const { id } = made.json as { id: string };
    for (const [method, path, body] of [
      ['POST', `/api/v1/workers/${id}/disable`],
      ['POST', `/api/v1/workers/${id}/enable`],
      ['PATCH', `/api/v1/workers/${id}`, { weight: 3, header: { accept: 'application/json' } }],
    ] as const)
      expect([path, (await call(method, path, bearer(key), body)).status]).toEqual([path, 200]);
    expect((await service.post('/api/v1/workers', aWorker(upstream), bearer(key))).status).toBe(201);
    const bodies = [
      { header: { authorization: 'Bearer other' } },
      { header: { 'x-custom': 'text' } },
      { header: { authorization: 'Bearer ${secret:OPENAI}' } },
      { req_url_template: 'http://127.0.0.1:9/other' },
      { poll: { status: { url: 'http://127.0.0.1/x', header: { authorization: 'y' } } } },
    ];
    for (const body of bodies)
      expect([body, (await call('PATCH', `/api/v1/workers/${id}`, bearer(key), body)).status]).toEqual([
        body,
        403,
      ]);
    expect(
      (
        await call('POST', '/api/v1/workers', bearer(key), {
          preset: 'openai',
          model_name: 'm',
          api_key: 'sk-1',
        })
      ).status,
    ).toBe(403);
  });
});

describe('every route', () => {
  const routes = Object.keys(ROUTES).filter((route) => route !== 'OPTIONS *' && route !== 'POST /echo');

  it('of the router has an entry in the table, and each entry a route', () => {
    const printed = service.app
      .getHttpAdapter()
      .getInstance()
      .printRoutes({ commonPrefix: false, includeHooks: false });
    for (const route of routes) {
      const [method = '', url = ''] = route.split(' ');
      const known = service.app.getHttpAdapter().getInstance().hasRoute({ method, url });
      expect([route, known]).toEqual([route, true]);
    }
    expect(printed).not.toBe('');
    expect(rightOf('GET', '/api/v1/nothing')).toBeUndefined();
  });

  it('lets in the roles of its entry, and answers all others and every bad key alike', async () => {
    const keys = new Map<Role, string>();
    for (const role of ROLES) keys.set(role, (await make({ role })).key);
    const expired = await make({ role: 'admin', expires_at: NEXT_YEAR });
    await service.database.query('UPDATE api_key SET expires_at = now() WHERE id = $1', [expired.id]);
    const revoked = await make({ role: 'admin' });
    await call('DELETE', `/api/v1/keys/${revoked.id}`, root);
    await until(async () => (await call('GET', '/v1/models', bearer(expired.key))).status === 401);
    const bad = {
      expired_api_key: expired.key,
      revoked_api_key: revoked.key,
      missing_api_key: '',
      invalid_api_key: `mmm_${'y'.repeat(43)}`,
      disabled_api_key: (await make({ role: 'admin', disabled: true })).key,
    };
    const found: string[] = [];
    for (const route of routes) {
      const [method = '', url = ''] = route.split(' ');
      const path = url
        .replace(':id', '00000000-0000-4000-8000-000000000000')
        .replace(':number', '0')
        .replace('*', 'none');
      const right = rightOf(method, url) ?? 'any';
      if (right === 'open') continue;
      for (const [code, key] of Object.entries(bad)) {
        const answer = await call(method, path, key === '' ? {} : bearer(key));
        const isNative = path.startsWith('/api/server') || path === '/api/v1/chat/completions';
        const seen = [answer.status, isNative || path.startsWith('/v1/messages') ? code : errorCode(answer)];
        if (seen[0] !== 401 || seen[1] !== code) found.push(`${route} ${code}: ${seen.join(' ')}`);
      }
      for (const [role, key] of keys) {
        const { status } = await call(method, path, bearer(key), method === 'GET' ? undefined : []);
        const isIn = (RIGHTS[right] as readonly Role[]).includes(role);
        if (isIn ? status === 401 || status === 403 || status >= 500 : status !== 403)
          found.push(`${route} as ${role}: ${status}`);
      }
    }
    expect(found).toEqual([]);
  });
});

describe('without ADMIN_API_KEY', () => {
  it('a client without a key is root, a known key counts for what it is, and a wrong one of ours is refused', async () => {
    const open = await serviceForTest();
    const made = await open.post('/api/v1/keys', { name: 'reader', role: 'viewer' });
    const { key } = made.json as Made;
    expect((await open.get('/api/v1/workers', bearer(key))).status).toBe(200);
    expect((await open.post('/api/server/register', {}, bearer(key))).status).toBe(403);
    expect((await open.get('/api/v1/workers', bearer('any placeholder'))).status).toBe(200);
    expect((await open.get('/api/v1/workers', bearer(`mmm_${'z'.repeat(43)}`))).status).toBe(401);
    expect((await open.get('/api/v1/me')).json).toMatchObject({ name: 'root', role: 'admin', key_id: null });
  });
});

describe('a change of a key', () => {
  let others: readonly TestService[] = [];
  beforeAll(async () => {
    // Only an announcement brings a change in time: the tables are compared every hour.
    const rarely = { ...SETTINGS, tuning: { registry: { resyncMs: 3_600_000 } } };
    others = [await startService(rarely, service.database), await startService(rarely, service.database)];
  });
  afterAll(async () => {
    for (const other of others) await other.stop();
  });

  it('is announced to two other replicas, by the API and by SQL, a new scope too, and a new key works there at once', async () => {
    const { id, key } = await make({ role: 'viewer' });
    const statuses = async (path: string) =>
      Promise.all([service, ...others].map(async (each) => (await each.get(path, bearer(key))).status));
    const obeyed = async (change: () => Promise<unknown>, status: number, path = '/api/v1/workers') => {
      await change();
      await until(async () => (await statuses(path)).every((each) => each === status));
    };
    const patch = (fields: object) => () => call('PATCH', `/api/v1/keys/${id}`, root, fields);
    const update = (assignment: string) => () =>
      service.database.query(`UPDATE api_key SET ${assignment} WHERE id = $1`, [id]);
    expect(await statuses('/api/v1/workers')).toEqual([200, 200, 200]);
    await obeyed(patch({ role: 'inference' }), 403);
    // A model outside the scope is a 403; this one is not registered.
    await obeyed(patch({ models: ['other-*'] }), 403, '/v1/models/elsewhere');
    await obeyed(update(`models = '{else*}'`), 404, '/v1/models/elsewhere');
    await obeyed(update(`role = 'viewer'`), 200);
    await obeyed(update('disabled_at = now()'), 401);
    await obeyed(patch({ disabled: false }), 200);
    await obeyed(() => call('DELETE', `/api/v1/keys/${id}`, root), 401);
  });

  it('such as a rotation fails no request of the former or of the new key during the overlap, at any of three replicas', async () => {
    const replicas = [service, ...others];
    const { id, key } = await make({ role: 'viewer' });
    // One client takes the new key at once, and one only before the next rotation.
    const [first, second] = [{ key }, { key }];
    const loops = [first, second].flatMap((held) =>
      replicas.map((replica) => ({ held, replica, rounds: 0 })),
    );
    const statuses: number[] = [];
    const over = new AbortController();
    const running = loops.map(async (loop) => {
      for (; !over.signal.aborted; loop.rounds += 1)
        statuses.push((await loop.replica.get('/api/v1/workers', bearer(loop.held.key))).status);
    });
    /** Until none uses a key of before. */
    const allSend = async () => {
      const before = loops.map(({ rounds }) => rounds);
      await until(() => loops.every(({ rounds }, at) => rounds >= (before[at] ?? 0) + 2), 30_000);
    };
    for (let rotation = 0; rotation < 5; rotation += 1) {
      second.key = first.key;
      await allSend();
      const made = await call('POST', `/api/v1/keys/${id}/rotate`, root, { overlap_s: 600 });
      first.key = (made.json as Made).key;
      await allSend();
    }
    over.abort();
    await Promise.all(running);
    expect(new Set(statuses)).toEqual(new Set([200]));
  });

  it('is refused with a 503 while the database is away, and known keys go on working', async () => {
    const { database, url, proxy } = await databaseBehindProxy();
    const own = await serviceForTest(SETTINGS, { ...database, address: { url } });
    const { key } = (await own.post('/api/v1/keys', { name: 'k', role: 'viewer' }, root)).json as Made;
    await proxy.cut();
    const answer = await own.post('/api/v1/keys', { name: 'l', role: 'viewer' }, root);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
    expect((await own.get('/v1/models', bearer(key))).status).toBe(200);
  });
});
