import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest, viewsOf } from '../fixtures/worker.js';
import { call } from './client.js';
import { serviceForTest, startService, type TestService } from '../service.js';
import { PATIENT_MS, until } from '../until.js';

const SOON = { timeout: PATIENT_MS };
const KEY = 'sk-live-0123456789abcdef';
const OTHER = 'hunter2-of-another';

let service: TestService;
beforeAll(async () => {
  service = await startService({ WORKER_SECRET_API_KEY: 'referred-to-secret', WORKER_SECRET_BAD: 'a\nb' });
});
afterAll(() => service.stop());

/** Everything the database holds that a DBA could read. */
async function everyRow(of: TestService): Promise<string> {
  const tables = await of.database.query<{ name: string }>(
    `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
     WHERE table_schema NOT IN ('pg_catalog', 'information_schema')`,
  );
  const rows = await Promise.all(
    tables.map(({ name }) => of.database.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`)),
  );
  expect(tables.map(({ name }) => name)).toContain('public.worker_overview');
  return rows
    .flat()
    .map(({ row }) => row)
    .join('\n');
}

describe('credentials in the header field', () => {
  it('reach the upstream and can be read nowhere else', async () => {
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    const header = {
      authorization: `Bearer ${KEY}`,
      'x-unheard-of': OTHER,
      'Content-Type': 'application/json; charset=utf-8',
      accept: 'application/json',
    };
    const worker = aWorker(upstream, { header });
    await service.register(worker);
    const answers = [
      await service.register(worker),
      await service.chat(worker.model_name, 'x'),
      await service.get('/api/server/workers'),
      await service.get('/api/server/workers?detail=true'),
      await service.get('/metrics'),
      await service.get('/health'),
    ];
    expect(upstream.requests[0]?.headers).toMatchObject({
      authorization: `Bearer ${KEY}`,
      'x-unheard-of': OTHER,
      'content-type': 'application/json; charset=utf-8',
    });
    await expect
      .poll(async () => (await viewsOf(service, worker.model_name))[0]?.health, SOON)
      .toBe('healthy');
    // The history records that they changed, but not their values.
    await service.database.query(`UPDATE worker SET weight = 2, sealed_header = NULL WHERE model_name = $1`, [
      worker.model_name,
    ]);
    const events = await service.database.query<{ detail: string }>(
      `SELECT note AS detail FROM event WHERE subject_name = $1 AND kind = 'changed'`,
      [worker.model_name],
    );
    expect(events).toEqual([{ detail: 'sealed_header, weight' }]);

    const stored = await everyRow(service);
    expect(stored).toContain('charset=utf-8');
    const seen = [stored, JSON.stringify(service.log), ...answers.map(({ text }) => text)].join('\n');
    for (const secret of [KEY, OTHER]) {
      expect(seen).not.toContain(secret);
      expect(seen).not.toContain(Buffer.from(secret).toString('base64').slice(0, -4));
    }
  });

  it('appear in no error of any kind', async () => {
    const upstream = await upstreamForTest(json({ nothing: 'here' }));
    const worker = aWorker(upstream, {
      header: { authorization: KEY, 'x-prompt': `${OTHER} {USER_PROMPT}` },
    });
    await service.register(worker);
    const texts = [
      await service.chat(worker.model_name, 'x'),
      await service.chat(worker.model_name, 'nul \0'),
      await service.register({
        ...worker,
        header: { ...(worker['header'] as object), 'x-bad': `${OTHER}\n` },
      }),
      await service.register({ ...worker, header: { 'content-length': OTHER } }),
      await service.register({ ...worker, header: OTHER }),
    ].map(({ status, text }) => ({ status, text }));
    expect(texts.map(({ status }) => status)).toEqual([502, 400, 400, 400, 400]);
    const seen = JSON.stringify(texts) + JSON.stringify(service.log);
    expect(seen).not.toContain(KEY);
    expect(seen).not.toContain(OTHER);
  });

  it('are not sent to a URL that was changed in SQL, and the worker names what is missing', async () => {
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    const thief = await upstreamForTest(json({ answer: 'thanks' }));
    const worker = aWorker(upstream, { header: { authorization: `Bearer ${KEY}` } });
    await service.register(worker);
    await service.chat(worker.model_name, 'x');
    await service.database.query('UPDATE worker SET req_url_template = $1 WHERE model_name = $2', [
      `${thief.url}/generate`,
      worker.model_name,
    ]);
    await expect
      .poll(async () => (await viewsOf(service, worker.model_name))[0]?.health, SOON)
      .toBe('unhealthy');
    const [view] = await viewsOf(service, worker.model_name);
    expect(view?.health_reason).toContain('credentials missing');
    expect((await service.chat(worker.model_name, 'x')).status).toBe(503);
    expect(JSON.stringify(thief.requests)).not.toContain(KEY);
  });

  it('are not sent by a worker into whose row they were copied', async () => {
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    const rich = aWorker(upstream, { header: { authorization: `Bearer ${KEY}` } });
    const poor = aWorker(upstream);
    await service.register(rich);
    await service.register(poor);
    await service.database.query(
      `UPDATE worker SET sealed_header = (SELECT sealed_header FROM worker WHERE model_name = $1)
       WHERE model_name = $2`,
      [rich.model_name, poor.model_name],
    );
    await expect
      .poll(async () => (await viewsOf(service, poor.model_name))[0]?.health_reason, SOON)
      .toContain('credentials missing');
    expect((await service.chat(poor.model_name, 'x')).status).toBe(503);
    expect(upstream.calls).toBe(0);
  });

  it('get a 400 that names the remedy if there is no key to encrypt them', async () => {
    const unkeyed = await serviceForTest({ CREDENTIALS_KEYS: '', DATABASE_URL: 'postgres://elsewhere/db' });
    const upstream = await upstreamForTest();
    const answer = await unkeyed.register(aWorker(upstream, { header: { authorization: KEY } }));
    expect(answer.status).toBe(400);
    expect(answer.json).toMatchObject({ success: false, details: [{ field: 'header.authorization' }] });
    expect(answer.text).toContain('CREDENTIALS_KEYS');
    const plain = { accept: 'text/plain', authorization: 'Bearer ${secret:API_KEY}' };
    expect((await unkeyed.register(aWorker(upstream, { header: plain }))).status).toBe(200);
    expect(await everyRow(unkeyed)).not.toContain(KEY);
  });
});

describe('${secret:NAME}', () => {
  it('is read at each call wherever the definition refers to it, and stored nowhere', async () => {
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    const worker = aWorker(upstream, {
      req_url_template: `${upstream.url}/x?key=\${secret:API_KEY}`,
      req_param: { param: '${secret:API_KEY}' },
      header: { authorization: 'Bearer ${secret:API_KEY}' },
      body: { prompt: '{USER_PROMPT}', key: 'k=${secret:API_KEY}' },
    });
    await service.register(worker);
    expect((await service.chat(worker.model_name, 'x')).status).toBe(200);
    const [sent] = upstream.requests;
    expect(sent?.url).toBe('/x?key=referred-to-secret&param=referred-to-secret');
    expect(sent?.headers.authorization).toBe('Bearer referred-to-secret');
    expect(sent?.body).toBe('{"prompt":"x","key":"k=referred-to-secret"}');
    const seen = (await everyRow(service)) + JSON.stringify(service.log);
    expect(seen).not.toContain('referred-to-secret');
    expect(seen).toContain('${secret:API_KEY}');
  });

  it('is plain text in a prompt', async () => {
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    const worker = aWorker(upstream, { body: { prompt: '{USER_PROMPT}', key: '${secret:API_KEY}' } });
    await service.register(worker);
    await service.chat(worker.model_name, 'tell me ${secret:API_KEY}');
    expect(upstream.requests[0]?.body).toBe(
      '{"prompt":"tell me ${secret:API_KEY}","key":"referred-to-secret"}',
    );
  });

  it('fails the call if it has no value, and the log names the variable; no other variable can be read', async () => {
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    for (const [name, status, why] of [
      ['MISSING', 502, 'WORKER_SECRET_MISSING'],
      ['PATH', 502, 'WORKER_SECRET_PATH'],
      ['BAD', 502, 'header.x-key'],
      ['../../etc/passwd', 400, 'header.x-key'],
      ['.hidden', 400, 'header.x-key'],
    ] as const) {
      const worker = aWorker(upstream, { header: { 'x-key': `\${secret:${name}}` } });
      const registered = await service.register(worker);
      const answer = registered.status === 200 ? await service.chat(worker.model_name, 'x') : registered;
      expect([name, answer.status]).toEqual([name, status]);
      expect(answer.text).not.toContain(process.env['PATH']);
      // Clients read no header and no variable of a worker.
      await until(() => (status === 502 ? JSON.stringify(service.log) : answer.text).includes(why));
    }
    expect(upstream.calls).toBe(0);
  });
});

describe('credentials in clear text', () => {
  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['req_url_template?key', { req_url_template: 'http://127.0.0.1:9/x?key=AIza' }],
    ['req_param.api_key', { req_param: { api_key: KEY } }],
    ['body.auth.password', { body: { p: '{USER_PROMPT}', auth: { password: KEY } } }],
  ])('are refused at %s, with the remedy', async (field, more) => {
    const { status, json: answer } = await service.register(aWorker({ url: 'http://127.0.0.1:9' }, more));
    expect(status).toBe(400);
    expect(JSON.stringify(answer)).toContain(field);
    expect(JSON.stringify(answer)).toContain('${secret:NAME}');
  });

  it('that are stored already do not keep a worker from being changed', async () => {
    const [row] = await service.database.query<{ id: string }>(
      `INSERT INTO worker (model_name, req_url_template, body) VALUES ('old', 'http://127.0.0.1:9/x?key=AIza', '{"p": "{USER_PROMPT}"}') RETURNING id`,
    );
    const patch = async (body: object) => (await call(service, 'PATCH', `/${row?.id}`, body)).status;
    expect(await patch({ weight: 3 })).toBe(200);
    expect(await patch({ req_param: { token: 'x' } })).toBe(400);
    const events = await service.database.query(
      'SELECT DISTINCT req_url_template FROM event WHERE subject_id = $1',
      [row?.id],
    );
    expect(events).toEqual([{ req_url_template: 'http://127.0.0.1:9/x' }]);
  });

  it('in a header that was written by hand are sealed within a moment, and go on working', async () => {
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    const worker = aWorker(upstream, { header: { 'x-api-key': KEY, accept: 'application/json' } });
    await service.register(worker);
    await service.database.query(
      `UPDATE worker SET header = '{"authorization": "Bearer by-hand-0123456789", "accept": "text/plain"}' WHERE model_name = $1`,
      [worker.model_name],
    );
    await expect.poll(() => everyRow(service), SOON).not.toContain('by-hand-0123456789');
    await expect
      .poll(async () => {
        await service.chat(worker.model_name, 'x');
        const headers = upstream.requests.at(-1)?.headers ?? {};
        return [headers['authorization'], headers['x-api-key'], headers['accept']];
      }, SOON)
      .toEqual(['Bearer by-hand-0123456789', KEY, 'text/plain']);
  });

  it.each([
    ['in the same case', 'authorization'],
    ['in another case', 'Authorization'],
  ])('that are written by hand replace the sealed ones of that name, %s', async (_, name) => {
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    const worker = aWorker(upstream, { header: { authorization: `Bearer ${KEY}` } });
    await service.register(worker);
    await service.database.query('UPDATE worker SET header = $2 WHERE model_name = $1', [
      worker.model_name,
      JSON.stringify({ [name]: 'Bearer replaced-0123456789' }),
    ]);
    await expect.poll(() => everyRow(service), SOON).not.toContain('replaced-0123456789');
    await expect
      .poll(async () => {
        await service.chat(worker.model_name, 'x');
        return upstream.requests.at(-1)?.headers['authorization'];
      }, SOON)
      .toBe('Bearer replaced-0123456789');
  });
});

describe('a secret that is limited to origins', () => {
  it('is refused at registration elsewhere, and not sent by a worker that SQL moved', async () => {
    const allowed = await upstreamForTest(json({ answer: 'hello' }));
    const other = await upstreamForTest(json({ answer: 'taken' }));
    const own = await serviceForTest({
      WORKER_SECRET_LIMITED: 'the-secret',
      WORKER_SECRET_LIMITED_ORIGINS: new URL(aWorker(allowed).req_url_template).origin,
    });
    const header = { authorization: 'Bearer ${secret:LIMITED}' };
    const refused = await own.register({ ...aWorker(other), header });
    expect([refused.status, refused.text]).toEqual([
      400,
      expect.stringContaining('WORKER_SECRET_LIMITED_ORIGINS') as unknown,
    ]);
    const worker = { ...aWorker(allowed), header };
    expect((await own.register(worker)).status).toBe(200);
    expect((await own.chat(worker.model_name, 'x')).status).toBe(200);
    expect(allowed.requests.at(-1)?.headers['authorization']).toBe('Bearer the-secret');
    await own.database.query('UPDATE worker SET req_url_template = $1', [aWorker(other).req_url_template]);
    await until(async () => (await own.chat(worker.model_name, 'x')).status !== 200);
    expect(JSON.stringify(other.requests.map((request) => request.headers))).not.toContain('the-secret');
  });
});
