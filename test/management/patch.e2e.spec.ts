import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { startService, type TestService } from '../service.js';
import { call, callAnyhow, type WorkerJson } from './client.js';

const KEY = 'sk-patched-secret-77';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const anything = { url: 'http://127.0.0.1:9' };
const made = async (
  more: Readonly<Record<string, unknown>> = {},
  upstream: { readonly url: string } = anything,
) => (await call(service, 'POST', '', aWorker(upstream, more))).worker;
const patch = (id: string, body: unknown, headers?: Record<string, string>) =>
  call(service, 'PATCH', `/${id}`, body, headers);

const READ_ONLY = [
  'registered_by_key',
  'registered_by_team',
  'id',
  'admin_state',
  'admin_state_since',
  'admin_state_by',
  'health',
  'health_reason',
  'health_since',
  'in_flight',
  'ejected_until',
  'requests',
  'power',
  'last_error',
  'generation',
  'created_at',
  'updated_at',
  'figures',
  'probe',
  'replicas',
];

/** The view that was read, without its read-only fields. */
const definitionIn = (worker: WorkerJson) =>
  Object.fromEntries(Object.entries(worker).filter(([field]) => !READ_ONLY.includes(field)));

describe('PATCH /api/v1/workers/{id}', () => {
  it.each([
    'application/json',
    'application/merge-patch+json',
    'application/merge-patch+json; charset=utf-8',
  ])('keeps fields that are left out, resets null to the default and merges objects (%s)', async (type) => {
    const { id } = await made({
      weight: 3,
      owner: 'me',
      labels: { a: '1', b: '2' },
      timeouts: { total_ms: 5000, idle_ms: 100 },
      defaults: { temperature: 1, max_tokens: 5 },
      health_check: { kind: 'http', path: '/x' },
    });
    const answer = await patch(
      id,
      {
        weight: null,
        labels: { a: null, c: '3' },
        timeouts: { idle_ms: null, connect_ms: 7 },
        defaults: { max_tokens: null },
        health_check: null,
        body: { extra: 1 },
      },
      { 'content-type': type },
    );
    expect([answer.status, answer.headers.get('etag')]).toEqual([200, '"2"']);
    expect(answer.worker).toMatchObject({
      weight: 1,
      owner: 'me',
      defaults: { temperature: 1 },
      health_check: null,
    });
    expect(answer.worker['labels']).toEqual({ b: '2', c: '3' });
    expect(answer.worker['timeouts']).toEqual({
      connect_ms: 7,
      first_byte_ms: null,
      idle_ms: null,
      total_ms: 5000,
    });
    expect(answer.worker['body']).toEqual({ prompt: '{USER_PROMPT}', extra: 1 });
    expect((await call(service, 'GET', `/${id}`)).worker).toMatchObject(definitionIn(answer.worker));
  });

  it('applies to the next request', async () => {
    const upstream = await upstreamForTest((response, request) =>
      json({ answer: request.body })(response, request),
    );
    const { id, model_name } = await made({}, upstream);
    await patch(id, { body: { prompt: null, question: '{USER_PROMPT}' } });
    expect((await service.chat(model_name, 'hi')).json).toMatchObject({ result: '{"question":"hi"}' });
  });

  it('changes nothing when the definition is sent back, and names each read-only field', async () => {
    const { id } = await made({
      header: { authorization: `Bearer ${KEY}`, accept: 'text/plain' },
      labels: { a: '1' },
      success_when: { path: 'ok', equals: true },
    });
    const { worker } = await call(service, 'GET', `/${id}`);
    const whole = await patch(id, worker);
    expect([whole.status, whole.fields.toSorted()]).toEqual([400, READ_ONLY.toSorted()]);
    const same = await patch(id, definitionIn(worker));
    expect([same.status, same.worker.generation]).toEqual([200, 1]);
    expect((await patch(id, {})).worker.generation).toBe(1);
    // The same by PUT.
    const put = await call(service, 'PUT', '', definitionIn(worker));
    expect([put.status, put.worker.generation]).toEqual([200, 1]);
  });

  it('names a null that was sent back and would remove a stored null', async () => {
    const { id } = await made({
      body: { prompt: '{USER_PROMPT}', stop: null, deep: { x: null } },
      success_when: { path: 'error', equals: null },
    });
    const answer = await patch(id, {
      body: { stop: null, deep: { x: null } },
      success_when: { equals: null },
    });
    expect([answer.status, answer.fields]).toEqual([
      400,
      ['body.stop', 'body.deep.x', 'success_when.equals'],
    ]);
    expect((await patch(id, { body: { more: 1 } })).worker['body']).toEqual({
      prompt: '{USER_PROMPT}',
      stop: null,
      deep: { x: null },
      more: 1,
    });
  });

  it('answers the second of two changes of one generation with a 412', async () => {
    const { id } = await made();
    const etag = (await call(service, 'GET', `/${id}`)).headers.get('etag') ?? '';
    expect((await patch(id, { weight: 2 }, { 'if-match': etag })).status).toBe(200);
    const stale = await patch(id, { weight: 3 }, { 'if-match': etag });
    expect([stale.status, stale.json]).toEqual([
      412,
      {
        error: {
          message:
            'If-Match: expects generation 1, but the generation is 2; read it again and repeat the change',
          type: 'invalid_request_error',
          param: null,
          code: null,
        },
      },
    ]);
    for (const ifMatch of ['"2"', 'W/"2"', '"1", "2"', '*'])
      expect((await patch(id, { weight: 2 }, { 'if-match': ifMatch })).status).toBe(200);
    for (const ifMatch of ['2', '"x"'])
      expect((await patch(id, { weight: 2 }, { 'if-match': ifMatch })).fields).toEqual(['If-Match']);
    const many = await Promise.all(
      Array.from({ length: 20 }, (_, index) => patch(id, { weight: 10 + index }, { 'if-match': '"2"' })),
    );
    expect(many.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      200,
      ...Array.from({ length: 19 }, () => 412),
    ]);
  });

  it('loses no field when different fields are patched at once, even without If-Match', async () => {
    const { id } = await made();
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => patch(id, { labels: { [`l${index}`]: 'x' } })),
    );
    const { worker } = await call(service, 'GET', `/${id}`);
    expect(Object.keys(worker['labels'] as object)).toHaveLength(20);
    expect(worker.generation).toBe(21);
  });

  it('answers a change to the key of another worker with a 409 and changes nothing', async () => {
    const [first, second] = [await made({ name: 'a' }), await made({ name: 'b' })];
    const key = { model_name: first.model_name, name: 'a' };
    const answer = await patch(second.id, key);
    expect([answer.status, answer.text.includes('has registered!')]).toEqual([409, true]);
    expect((await call(service, 'GET', `/${second.id}`)).worker).toMatchObject({
      model_name: second.model_name,
      name: 'b',
      generation: 1,
    });
    await call(service, 'DELETE', `/${first.id}`);
    expect((await patch(second.id, key)).status).toBe(200);
  });

  it('does not change the admin state', async () => {
    const { id } = await made();
    await call(service, 'POST', `/${id}/disable`);
    expect((await patch(id, { weight: 2 })).worker.admin_state).toBe('disabled');
  });
});

describe('stored credentials', () => {
  it('stay when left out or sent as shown, change with a new value and are removed by null', async () => {
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    const { id, model_name, header } = await made(
      { header: { Authorization: `Bearer ${KEY}`, 'x-second': 'second-secret', accept: 'text/plain' } },
      upstream,
    );
    expect(header).toEqual({ accept: 'text/plain', Authorization: '<sealed>', 'x-second': '<sealed>' });
    const sent = async () => {
      await service.chat(model_name, 'x');
      const { authorization, accept, 'x-second': second } = upstream.requests.at(-1)?.headers ?? {};
      return { authorization, accept, second };
    };
    await patch(id, { weight: 2, header: { accept: 'text/html' } });
    expect(await sent()).toEqual({
      authorization: `Bearer ${KEY}`,
      accept: 'text/html',
      second: 'second-secret',
    });
    await patch(id, { header: { authorization: 'Bearer other-secret', 'x-second': '<sealed>' } });
    expect(await sent()).toEqual({
      authorization: 'Bearer other-secret',
      accept: 'text/html',
      second: 'second-secret',
    });
    const removed = await patch(id, { header: { 'X-Second': null } });
    expect(removed.worker.header).toEqual({ accept: 'text/html', authorization: '<sealed>' });
    expect(await sent()).toEqual({
      authorization: 'Bearer other-secret',
      accept: 'text/html',
      second: undefined,
    });
    expect((await patch(id, { header: null })).worker.header).toBeNull();
    expect((await sent()).authorization).toBeUndefined();
    const nothing = await patch(id, { header: { authorization: '<sealed>' } });
    expect([nothing.status, nothing.fields]).toEqual([400, ['header.authorization']]);
  });

  it('stay after a PUT without them, which removes other headers', async () => {
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    const registration = aWorker(upstream, {
      header: { authorization: `Bearer ${KEY}`, accept: 'text/plain' },
    });
    await call(service, 'PUT', '', registration);
    const { header: _, ...bare } = registration;
    const kept = await call(service, 'PUT', '', bare);
    expect([kept.status, kept.worker.generation, kept.worker.header]).toEqual([
      200,
      2,
      { authorization: '<sealed>' },
    ]);
    expect((await call(service, 'PUT', '', bare)).worker.generation).toBe(2);
    await service.chat(registration.model_name, 'x');
    expect(upstream.requests.at(-1)?.headers.authorization).toBe(`Bearer ${KEY}`);
    const fresh = await call(service, 'PUT', '', {
      ...aWorker(upstream),
      header: { authorization: '<sealed>' },
    });
    expect([fresh.status, fresh.fields]).toEqual([400, ['header.authorization']]);
  });

  it('do not move to another origin: a 400 names each of them and the remedy', async () => {
    const [home, elsewhere] = [
      await upstreamForTest(json({ answer: 'x' })),
      await upstreamForTest(json({ answer: 'y' })),
    ];
    const { id, model_name } = await made(
      { header: { authorization: `Bearer ${KEY}`, 'x-second': 'second-secret' } },
      home,
    );
    const there = { req_url_template: `${elsewhere.url}/generate` };
    const refused = await patch(id, { ...there, header: { 'x-second': '<sealed>' } });
    expect([refused.status, refused.fields]).toEqual([400, ['header.authorization', 'header.x-second']]);
    for (const part of [
      new URL(home.url).origin,
      new URL(elsewhere.url).origin,
      'give the value again',
      'null',
    ])
      expect(refused.text).toContain(part);
    const moved = await patch(id, {
      ...there,
      header: { authorization: 'Bearer for-elsewhere', 'x-second': null },
    });
    expect([moved.status, moved.worker.header]).toEqual([200, { authorization: '<sealed>' }]);
    await service.chat(model_name, 'x');
    expect(elsewhere.requests[0]?.headers.authorization).toBe('Bearer for-elsewhere');
    const samePlace = await patch(id, { req_url_template: `${elsewhere.url}/other` });
    expect(samePlace.status).toBe(200);
    await service.chat(model_name, 'x');
    expect(elsewhere.requests.at(-1)).toMatchObject({
      url: '/other',
      headers: { authorization: 'Bearer for-elsewhere' },
    });
  });

  it('of a worker whose URL was changed in SQL return with the old URL, and can be replaced or removed', async () => {
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    const { id, model_name, req_url_template } = await made(
      { header: { authorization: `Bearer ${KEY}` } },
      upstream,
    );
    const byHand = (url: string) =>
      service.database.query('UPDATE worker SET req_url_template = $1 WHERE id = $2', [url, id]);
    await byHand('http://127.0.0.1:9/elsewhere');
    expect((await call(service, 'GET', `/${id}`)).worker.header).toBeNull();
    expect((await patch(id, { header: { authorization: null } })).fields).toEqual(['header.authorization']);
    expect((await patch(id, { weight: 2 })).status).toBe(200);
    expect((await patch(id, { req_url_template })).worker.header).toEqual({ authorization: '<sealed>' });
    await service.chat(model_name, 'x');
    expect(upstream.requests.at(-1)?.headers.authorization).toBe(`Bearer ${KEY}`);
    await byHand('http://127.0.0.1:9/elsewhere');
    expect((await patch(id, { header: { authorization: 'given-again' } })).worker.header).toEqual({
      authorization: '<sealed>',
    });
    await byHand(String(req_url_template));
    expect((await patch(id, { header: null })).worker.header).toBeNull();
    expect(await service.database.query('SELECT sealed_header FROM worker WHERE id = $1', [id])).toEqual([
      { sealed_header: null },
    ]);
  });

  it('appear in no list, view, event, error, log or table', async () => {
    const { id, model_name } = await made({ header: { authorization: `Bearer ${KEY}` } });
    const bad = `${KEY}\n`;
    const answers = await Promise.all([
      call(service, 'GET', `/${id}`),
      call(service, 'GET', '?limit=200'),
      call(service, 'GET', `/${id}/events`),
      call(service, 'PUT', '', aWorker(anything, { model_name, header: { authorization: KEY } })),
      patch(id, { header: { authorization: bad } }),
      patch(id, { header: { authorization: [KEY] } }),
      patch(id, { header: KEY }),
      patch(id, { weight: 0, header: { authorization: `Bearer ${KEY}${KEY}` } }),
      patch(id, { req_url_template: 'http://127.0.0.1:10/x' }),
      ...['enable', 'disable', 'drain', 'offline'].map((to) => call(service, 'POST', `/${id}/${to}`)),
      service.get('/api/server/workers?detail=true'),
      service.get('/metrics'),
    ]);
    const rows = await service.database.query(
      `SELECT w::text FROM worker w UNION ALL SELECT e::text FROM event e UNION ALL SELECT u::text FROM event_undo u`,
    );
    for (const text of [
      ...answers.map((answer) => answer.text),
      JSON.stringify(service.log),
      JSON.stringify(rows),
    ])
      expect(text).not.toContain(KEY);
  });

  it('that were written unsealed in SQL are not shown, and the next change seals them', async () => {
    const { id } = await made();
    await service.database.query(`UPDATE worker SET header = $1 WHERE id = $2`, [
      JSON.stringify({ authorization: KEY, accept: 'a/b' }),
      id,
    ]);
    const read = await call(service, 'GET', `/${id}`);
    expect([read.worker.header, read.text.includes(KEY)]).toEqual([
      { accept: 'a/b', authorization: '<sealed>' },
      false,
    ]);
    expect((await patch(id, { weight: 2 })).worker.header).toEqual({
      accept: 'a/b',
      authorization: '<sealed>',
    });
    const [row] = await service.database.query('SELECT header, sealed_header FROM worker WHERE id = $1', [
      id,
    ]);
    expect(row).toMatchObject({
      header: { accept: 'a/b' },
      sealed_header: expect.stringMatching(/^v1\./) as string,
    });
  });
});

describe('an invalid patch', () => {
  it.each<[unknown, ...string[]]>([
    ['null', ''],
    ['[]', ''],
    ['"x"', ''],
    ['7', ''],
    ['', ''],
    ['{"weight":', ''],
    ['{"__proto__": {"weight": 2}}', ''],
    ['{"labels": {"__proto__": "x"}}', ''],
    [{ constructor: 'x' }, 'constructor'],
    [{ toString: 1 }, 'toString'],
    [{ unknown: 1, weight: 0 }, 'unknown'],
    [{ unknown: null }, 'unknown'],
    [
      { id: 'x', generation: 7, admin_state: 'enabled', health: 'healthy', created_at: null },
      'id',
      'generation',
      'admin_state',
      'health',
      'created_at',
    ],
    [{ connect_ms: 5 }, 'connect_ms'],
    [{ sealed_header: 'x' }, 'sealed_header'],
    [{ model_name: null }, 'model_name'],
    [{ model_name: '', weight: 1.5, labels: 7, timeouts: [] }, 'model_name', 'weight', 'labels', 'timeouts'],
    [{ model_name: 'a\0b', owner: '\0', name: '\ud800' }, 'model_name', 'owner', 'name'],
    [{ req_url_template: null }, 'req_url_template'],
    [{ req_url_template: 7 }, 'req_url_template'],
    [{ req_url_template: 'nonsense' }, 'req_url_template'],
    [{ req_url_template: 'http://169.254.169.254/' }, 'req_url_template'],
    [{ timeouts: { total: 1 } }, 'timeouts.total'],
    [{ timeouts: { total_ms: 'x' } }, 'timeouts.total_ms'],
    [{ defaults: { temperature: 9 } }, 'defaults.temperature'],
    [{ health_check: { path: 'no-slash' } }, 'health_check.path'],
    [{ success_when: { path: 'a' } }, 'success_when.equals'],
    [{ response_extract: 'a[' }, 'response_extract'],
    [{ body: null }, 'body'],
    [{ body: { prompt: null } }, 'body'],
    [{ body: ['{USER_PROMPT}'] }, 'body'],
    [{ body: { x: 'x'.repeat(256 * 1024) } }, 'body'],
    [{ req_type: 'GET' }, 'body'],
    [{ header: { 'bad name': 'x' } }, 'header["bad name"]'],
    [{ header: { a: 1 } }, 'header'],
    [{ header: { 'X-A': 'x', 'x-a': 'y' } }, 'header.x-a'],
    [{ header: 'x' }, 'header'],
    [`{"body": ${'{"a":'.repeat(500)}1${'}'.repeat(500)}}`, 'body'],
    ['['.repeat(100_000) + ']'.repeat(100_000), ''],
  ])('gets a 400 that names the fields: %j', async (body, ...fields) => {
    const { id } = await made();
    const answer = await patch(id, body);
    expect([answer.status, answer.json]).toMatchObject([400, { error: { type: 'invalid_request_error' } }]);
    for (const field of fields) expect(answer.fields).toContain(field);
    expect((await call(service, 'GET', `/${id}`)).worker.generation).toBe(1);
  });

  it('of another media type gets a 415', async () => {
    const { id } = await made();
    for (const type of ['text/plain', 'application/json-patch+json', 'application/x-www-form-urlencoded'])
      expect([type, (await patch(id, '{}', { 'content-type': type })).status]).toEqual([type, 415]);
  });
});

describe('a worker with an invalid definition written in SQL', () => {
  const NONSENSE: readonly (readonly [set: string, fix: object])[] = [
    [`labels = '[1, "x"]'`, { labels: null }],
    [`labels = '"\\u0000"'`, { labels: null }],
    [`labels = ('{"a": ' || repeat('[', 5000) || repeat(']', 5000) || '}')::json`, { labels: null }],
    [`header = '[7]'`, { header: null }],
    [`header = '"text"'`, { header: null }],
    [`body = '"{USER_PROMPT}"'`, { body: { prompt: '{USER_PROMPT}' } }],
    [
      `body = ('{"a": ' || repeat('[', 5000) || repeat(']', 5000) || '}')::json`,
      { body: { a: null, prompt: '{USER_PROMPT}' } },
    ],
    [`req_param = '{"a": {"b": 1}}'`, { req_param: null }],
    [`response_extract = 'a['`, { response_extract: 'a' }],
    [`success_when = '7'`, { success_when: null }],
    [`defaults = '{"temperature": "hot"}'`, { defaults: { temperature: null } }],
    [`health_check = '[]'`, { health_check: null }],
    [`sealed_header = 'nonsense'`, { header: null }],
    [`req_url_template = 'http://'`, { req_url_template: 'http://127.0.0.1:9/generate' }],
    [`model_name = E'a\\nb'`, { model_name: 'mended' }],
    [`created_at = 'infinity', updated_at = '-infinity', admin_state_since = 'infinity'`, {}],
  ];

  it.each(NONSENSE)(
    'is listed and shown, affects no other worker and can be corrected: %s',
    async (set, fix) => {
      const { id } = await made({ name: `by-hand-${Math.random()}` });
      const healthy = await made();
      await service.database.query(`UPDATE worker SET ${set} WHERE id = $1`, [id]);
      for (const query of ['?limit=200', '?limit=200&label=gpu', '?limit=200&sort=-updated_at']) {
        const { status } = await callAnyhow(service, 'GET', query);
        expect([query, status]).toEqual([query, 200]);
      }
      expect((await callAnyhow(service, 'GET', `/${id}`)).status).toBe(200);
      expect((await patch(healthy.id, { weight: 2 })).status).toBe(200);
      const broken = await callAnyhow(service, 'PATCH', `/${id}`, { weight: 2 });
      expect([200, 400]).toContain(broken.status);
      const mended = await callAnyhow(service, 'PATCH', `/${id}`, { ...fix, weight: 3 });
      expect([mended.status, mended.worker['weight'], mended.text]).toEqual([200, 3, expect.anything()]);
      for (const to of ['disable', 'enable', 'drain', 'offline'])
        expect((await callAnyhow(service, 'POST', `/${id}/${to}`)).status).toBe(200);
      expect((await call(service, 'DELETE', `/${id}`)).status).toBe(204);
    },
  );
});
