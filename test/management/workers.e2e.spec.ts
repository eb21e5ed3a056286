import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json } from '../fakes/fake-upstream.js';
import { aWorker, keyOf, upstreamForTest } from '../fixtures/worker.js';
import { startService, type TestService } from '../service.js';
import { call, list } from './client.js';

const UNKNOWN_ID = '00000000-0000-4000-8000-000000000000';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const anything = { url: 'http://127.0.0.1:9' };
const made = async (more: Readonly<Record<string, unknown>> = {}) =>
  (await call(service, 'POST', '', aWorker(anything, more))).worker;
const stateOf = async (id: string) => (await call(service, 'GET', `/${id}`)).worker.admin_state;

describe('POST /api/v1/workers', () => {
  it('answers 201 with Location, ETag and view, and the worker can be called at once', async () => {
    const upstream = await upstreamForTest(json({ answer: 'hello' }));
    const registration = aWorker(upstream, {
      weight: 3,
      labels: { gpu: 'a100' },
      timeouts: { total_ms: 5000 },
    });
    const answer = await call(service, 'POST', '', registration);
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`/api/v1/workers/${answer.worker.id}`);
    expect(answer.headers.get('etag')).toBe('"1"');
    expect(answer.worker).toMatchObject({
      ...registration,
      timeouts: { connect_ms: null, first_byte_ms: null, idle_ms: null, total_ms: 5000 },
      admin_state: 'enabled',
      generation: 1,
      in_flight: 0,
      ejected_until: null,
      protocol: 'template',
      req_type: 'POST',
      header: null,
      heartbeat_ttl_s: null,
    });
    expect((await service.chat(registration.model_name, 'x')).json).toMatchObject({ result: 'hello' });
    const read = await service.get(answer.headers.get('location') ?? '');
    expect([read.status, read.headers.get('etag')]).toEqual([200, '"1"']);
    expect((read.json as { id: string }).id).toBe(answer.worker.id);
  });

  it('answers 409 for an existing worker, and brings an offline one back with the same id and a higher generation', async () => {
    const registration = aWorker(anything);
    const { worker } = await call(service, 'POST', '', registration);
    const again = await call(service, 'POST', '', registration);
    expect(again.status).toBe(409);
    expect(again.json).toMatchObject({
      error: { type: 'invalid_request_error', message: expect.stringContaining('has registered!') as string },
    });
    await call(service, 'POST', `/${worker.id}/offline`);
    const back = await call(service, 'POST', '', registration);
    expect([back.status, back.worker.id, back.worker.generation]).toEqual([201, worker.id, 2]);
  });
});

describe('PUT /api/v1/workers', () => {
  it('creates with 201, changes with 200 and a higher generation, and keeps the generation of the same definition', async () => {
    const registration = aWorker(anything, {
      body: { b: '{USER_PROMPT}', a: 1 },
      labels: { x: '1', y: '2' },
    });
    const first = await call(service, 'PUT', '', registration);
    expect([first.status, first.headers.get('etag')]).toEqual([201, '"1"']);
    expect(first.headers.get('location')).toBe(`/api/v1/workers/${first.worker.id}`);
    const same = await call(service, 'PUT', '', {
      ...registration,
      labels: { y: '2', x: '1' },
      weight: 1,
      name: '',
    });
    expect([same.status, same.headers.get('etag')]).toEqual([200, '"1"']);
    expect({ ...same.worker, health: 0, health_reason: 0, health_since: 0 }).toEqual({
      ...first.worker,
      health: 0,
      health_reason: 0,
      health_since: 0,
    });
    const changed = await call(service, 'PUT', '', { ...registration, weight: 2 });
    expect([changed.status, changed.headers.get('etag'), changed.worker['weight']]).toEqual([200, '"2"', 2]);
    // The keys of a body are sent in the order of the definition.
    const reordered = await call(service, 'PUT', '', {
      ...registration,
      weight: 2,
      body: { a: 1, b: '{USER_PROMPT}' },
    });
    expect(reordered.headers.get('etag')).toBe('"3"');
    const reset = await call(service, 'PUT', '', keyOf(registration));
    expect(reset.fields).toEqual(['body']);
  });

  it.each(['draining', 'offline'])('enables a %s worker', async (state) => {
    const registration = aWorker(anything);
    const { worker } = await call(service, 'PUT', '', registration);
    await call(service, 'POST', `/${worker.id}/${state === 'offline' ? 'offline' : 'drain'}`);
    const again = await call(service, 'PUT', '', registration);
    expect([again.status, again.worker.id, again.worker.admin_state]).toEqual([200, worker.id, 'enabled']);
  });

  it('answers 409 for a worker that an operator disabled, with the actor and the time', async () => {
    const registration = aWorker(anything);
    const { worker } = await call(service, 'PUT', '', registration);
    const off = (await call(service, 'POST', `/${worker.id}/disable`)).worker;
    const answer = await call(service, 'PUT', '', { ...registration, weight: 9 });
    expect(answer.status).toBe(409);
    for (const part of [
      'disabled',
      String(off['admin_state_since']),
      'by root',
      `/api/v1/workers/${worker.id}/enable`,
    ])
      expect(answer.text).toContain(part);
    expect((await call(service, 'GET', `/${worker.id}`)).worker).toMatchObject({
      admin_state: 'disabled',
      weight: 1,
      generation: 1,
    });
    await call(service, 'POST', `/${worker.id}/enable`);
    expect((await call(service, 'PUT', '', registration)).status).toBe(200);
  });

  it('creates one row of one generation when it is called fifty times at once', async () => {
    const registration = aWorker(anything, { header: { authorization: 'Bearer fifty-times-secret' } });
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => call(service, 'PUT', '', registration)),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => b - a)).toEqual([
      201,
      ...Array.from({ length: 49 }, () => 200),
    ]);
    expect(new Set(answers.map(({ worker }) => worker.id)).size).toBe(1);
    expect(new Set(answers.map(({ headers }) => headers.get('etag')))).toEqual(new Set(['"1"']));
    const { data } = await list(service, `?model_name=${registration.model_name}`);
    expect(data.map(({ generation }) => generation)).toEqual([1]);
    const kinds = await service.database.query(
      `SELECT kind FROM event WHERE subject_name = $1 AND kind IN ('registered', 'changed')`,
      [registration.model_name],
    );
    expect(kinds).toEqual([{ kind: 'registered' }]);
  });

  it('ends with one whole definition when two versions are applied at once', async () => {
    const registration = aWorker(anything);
    const versions = [1, 2].map((weight) => ({
      ...registration,
      weight,
      labels: { version: String(weight) },
    }));
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => call(service, 'PUT', '', versions[index % 2])),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201, 200]));
    const [worker] = (await list(service, `?model_name=${registration.model_name}`)).data;
    expect(worker?.['labels']).toEqual({ version: String(worker?.['weight']) });
  });
});

describe('DELETE /api/v1/workers/{id}', () => {
  it('answers 204, then 404; the key is free again and the events stay', async () => {
    const registration = aWorker(anything);
    const { worker } = await call(service, 'POST', '', registration);
    const gone = await call(service, 'DELETE', `/${worker.id}`);
    expect([gone.status, gone.text]).toEqual([204, '']);
    for (const method of ['GET', 'DELETE'])
      expect((await call(service, method, `/${worker.id}`)).status).toBe(404);
    expect((await service.chat(registration.model_name, 'x')).status).toBe(404);
    expect((await call(service, 'POST', '', registration)).worker.id).not.toBe(worker.id);
    const events = await call(service, 'GET', `/${worker.id}/events`);
    expect(events.json).toMatchObject({ data: [{ kind: 'deleted', actor: 'root' }, {}] });
  });

  it('deletes only the generation of If-Match', async () => {
    const { id } = await made();
    await call(service, 'PATCH', `/${id}`, { weight: 2 });
    const stale = await call(service, 'DELETE', `/${id}`, undefined, { 'if-match': '"1"' });
    expect([stale.status, stale.text.includes('generation 1, but the generation is 2')]).toEqual([412, true]);
    expect((await call(service, 'DELETE', `/${id}`, undefined, { 'if-match': 'nonsense' })).fields).toEqual([
      'If-Match',
    ]);
    expect((await call(service, 'DELETE', `/${id}`, undefined, { 'if-match': '"2"' })).status).toBe(204);
  });
});

describe('the admin switch', () => {
  it.each([
    ['enable', 'enabled', 'enabled', 'enabled', 'enabled'],
    ['disable', 'disabled', 'disabled', 'disabled', 'disabled'],
    ['drain', 'draining', 'disabled', 'draining', 'offline'],
    ['offline', 'offline', 'offline', 'offline', 'offline'],
  ])('by %s turns enabled, disabled, draining and offline into %s, %s, %s and %s', async (to, ...after) => {
    for (const [index, before] of ['enabled', 'disabled', 'draining', 'offline'].entries()) {
      const { id } = await made();
      await service.database.query('UPDATE worker SET admin_state = $1 WHERE id = $2', [before, id]);
      // A draining worker may go offline before the second call.
      for (let time = 1; time <= (to === 'drain' ? 1 : 2); time++) {
        const answer = await call(service, 'POST', `/${id}/${to}`);
        expect([before, answer.status, answer.worker.id, answer.worker.admin_state]).toEqual([
          before,
          200,
          id,
          after[index],
        ]);
        expect(answer.headers.get('etag')).toBe(`"${answer.worker.generation}"`);
      }
      expect(['offline', after[index]]).toContain(await stateOf(id));
    }
  });

  it('is in effect when its answer arrives', async () => {
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    const registration = aWorker(upstream);
    const { worker } = await call(service, 'POST', '', registration);
    for (const [to, statuses] of [
      ['disable', [503]],
      ['enable', [200]],
      // A worker without a request goes offline soon after it drains.
      ['drain', [503, 404]],
      ['enable', [200]],
      ['offline', [404]],
      ['enable', [200]],
    ] as const) {
      await call(service, 'POST', `/${worker.id}/${to}`);
      const { status } = await service.chat(registration.model_name, 'x');
      expect(statuses, `after ${to}`).toContain(status);
    }
  });

  it('records the actor once: repeating a switch is no event, but enable clears ejections every time', async () => {
    const { id, admin_state_since: registered } = await made();
    const since: unknown[] = [];
    for (const to of ['disable', 'disable', 'enable', 'enable'])
      since.push((await call(service, 'POST', `/${id}/${to}`)).worker['admin_state_since']);
    expect(since[0]).toBe(since[1]);
    expect(new Set([registered, ...since]).size).toBe(4);
    const events = (await call(service, 'GET', `/${id}/events`)).json as {
      data: { kind: string; actor: string }[];
    };
    const switches = events.data.filter(({ kind }) => ['disabled', 'enabled', 'registered'].includes(kind));
    expect(switches.map(({ kind, actor }) => `${kind} ${actor}`)).toEqual([
      'enabled root',
      'enabled root',
      'disabled root',
      'registered root',
    ]);
  });

  it('keeps a worker disabled when its pod takes it offline and registers again', async () => {
    const registration = aWorker(anything);
    const { worker } = await call(service, 'POST', '', registration);
    await call(service, 'POST', `/${worker.id}/disable`);
    expect((await service.post('/api/server/offline', keyOf(registration))).status).toBe(200);
    for (const attempt of [
      () => service.register(registration),
      () => call(service, 'POST', '', registration),
      () => call(service, 'PUT', '', registration),
    ])
      expect((await attempt()).status).toBe(409);
    expect(await stateOf(worker.id)).toBe('disabled');
  });
});

describe('GET /api/v1/workers/{id}/events', () => {
  it('shows what changed, newest first, page by page', async () => {
    const { id, model_name } = await made({ header: { authorization: 'Bearer events-secret' } });
    await call(service, 'PATCH', `/${id}`, {
      weight: 2,
      timeouts: { idle_ms: 5 },
      header: { authorization: 'Bearer other-events-secret' },
    });
    await call(service, 'POST', `/${id}/drain`);
    await call(service, 'POST', `/${id}/offline`);
    await call(service, 'DELETE', `/${id}`);
    const seen: Record<string, unknown>[] = [];
    for (let query = '?limit=2'; ;) {
      const { status, json: page, text } = await call(service, 'GET', `/${id}/events${query}`);
      expect(status).toBe(200);
      expect(text).not.toContain('events-secret');
      const { data, next_cursor } = page as { data: Record<string, unknown>[]; next_cursor: string | null };
      expect(data.length).toBeLessThanOrEqual(2);
      seen.push(...data);
      if (next_cursor === null) break;
      query = `?limit=2&cursor=${next_cursor}`;
    }
    const changes = seen.filter(
      ({ kind }) => !['healthy', 'suspect', 'unhealthy', 'unknown', 'recovered'].includes(String(kind)),
    );
    expect(changes.map(({ kind }) => kind)).toEqual([
      'deleted',
      'offline',
      'draining',
      'changed',
      'registered',
    ]);
    expect(changes[3]).toMatchObject({ model_name, actor: 'root', generation: 2 });
    expect(String(changes[3]?.['detail']).split(', ').toSorted()).toEqual([
      'idle_ms',
      'sealed_header',
      'weight',
    ]);
    expect(new Set(seen.map((event) => event['id'])).size).toBe(seen.length);
  });

  it('shows no events after a purge, and a 404 for an unknown worker', async () => {
    const { id } = await made();
    await service.database.query('DELETE FROM event WHERE subject_id = $1', [id]);
    const { json: page } = await call(service, 'GET', `/${id}/events`);
    expect((page as { next_cursor: unknown }).next_cursor).toBeNull();
    expect((await call(service, 'GET', `/${UNKNOWN_ID}/events`)).status).toBe(404);
  });
});

describe('a worker id', () => {
  it.each([
    UNKNOWN_ID,
    'nonsense',
    '1',
    '%00',
    '00000000-0000-0000-0000-00000000000g',
    'x'.repeat(900),
    "'; DROP TABLE worker --",
  ])('gets a 404 on every path if no worker has it: %s', async (id) => {
    const path = `/${encodeURIComponent(id).replaceAll('%2500', '%00')}`;
    const answers = await Promise.all([
      call(service, 'GET', path),
      call(service, 'PATCH', path, { weight: 2 }),
      call(service, 'DELETE', path),
      call(service, 'GET', `${path}/events`),
      ...['enable', 'disable', 'drain', 'offline'].map((to) => call(service, 'POST', `${path}/${to}`)),
    ]);
    for (const { status, json: body } of answers) {
      expect(status).toBe(404);
      expect(body).toMatchObject({
        error: {
          type: 'invalid_request_error',
          message: expect.stringContaining('no worker with this id') as string,
        },
      });
    }
  });

  it('may be written in upper case', async () => {
    const { id } = await made();
    expect((await call(service, 'GET', `/${id.toUpperCase()}`)).worker.id).toBe(id);
  });

  it('answers an unknown method with a 405 that names the methods there are', async () => {
    const answer = await call(service, 'PUT', `/${UNKNOWN_ID}`, {});
    expect([answer.status, answer.headers.get('allow')?.split(', ').toSorted()]).toEqual([
      405,
      ['DELETE', 'GET', 'HEAD', 'PATCH'],
    ]);
  });
});
