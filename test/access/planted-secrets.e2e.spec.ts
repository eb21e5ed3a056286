import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { databaseForTest } from '../database.js';
import { openFolder } from '../embedded-postgres/folders.js';
import { json } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { databaseSettings, startProcess } from '../process.js';
import { until } from '../until.js';

const ROOT_KEY = 'planted-admin-key-0123456789';

it('no key is in a table, a log at level debug, an error, a figure, an event, the description, or a heap snapshot', async () => {
  const database = await databaseForTest();
  const folder = openFolder();
  const service = startProcess(
    {
      ...databaseSettings(database.address),
      ADMIN_API_KEY: ROOT_KEY,
      UPSTREAM_ALLOW_CIDRS: '127.0.0.0/8',
      LOG_LEVEL: 'debug',
    },
    { asShipped: true, nodeOptions: ['--heapsnapshot-signal=SIGUSR2'], cwd: folder },
  );
  await service.ready();
  const seen: string[] = [];
  const call = async (method: string, path: string, key: string, body?: unknown): Promise<string> => {
    // Each connection ends with its request, so that none keeps the last headers.
    const response = await fetch(service.url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', connection: 'close' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return response.text();
  };
  const made = async (body: unknown, path = '/api/v1/keys'): Promise<{ id: string; key: string }> =>
    JSON.parse(await call('POST', path, ROOT_KEY, body)) as { id: string; key: string };
  const [app, gone, turned] = [
    await made({ name: 'app', role: 'inference', models: ['m*'], team: 'search' }),
    await made({ name: 'gone', role: 'admin' }),
    await made({ name: 'turned', role: 'viewer' }),
  ];
  const next = await made({ overlap_s: 600 }, `/api/v1/keys/${turned.id}/rotate`);
  const upstream = await upstreamForTest(json({ answer: 'hello' }));
  const worker = { ...aWorker(upstream), model_name: 'm1' };
  seen.push(await call('POST', '/api/server/register', ROOT_KEY, worker));
  const chat = { model: 'm1', messages: [{ role: 'user', content: 'x' }], max_tokens: 5 };
  for (const [method, path, body] of [
    ['POST', '/v1/chat/completions', chat],
    ['POST', '/v1/messages', { ...chat, stream: true }],
    ['POST', '/api/v1/chat/completions', { model_name: 'm1', input: 'x' }],
    ['POST', '/v1/chat/completions', { ...chat, model: 'other' }],
    ['POST', '/api/server/register', worker],
    ['GET', '/nope'],
    ['GET', '/v1/models'],
    ['GET', '/api/v1/me'],
    ['POST', '/v1/chat/completions', 'no object'],
  ] as const)
    for (const { key } of [app, gone, turned, next]) seen.push(await call(method, path, key, body));
  seen.push(await call('DELETE', `/api/v1/keys/${gone.id}`, ROOT_KEY));
  seen.push(await call('GET', '/v1/models', gone.key));
  for (const path of [
    '/api/v1/keys?revoked=true',
    '/api/v1/events?limit=200',
    '/metrics',
    '/openapi.json',
    '/health',
    '/api/v1/teams',
  ])
    seen.push(await call('GET', path, ROOT_KEY));

  const tables = await database.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'v')`,
  );
  expect(tables.length).toBeGreaterThan(20);
  for (const { name } of tables)
    seen.push(JSON.stringify(await database.query(`SELECT t::text AS row FROM "${name}" t`)));

  process.kill(service.pid, 'SIGUSR2');
  let snapshot = '';
  await until(async () => {
    const [file] = (await readdir(folder)).filter((each) => each.endsWith('.heapsnapshot'));
    if (file === undefined) return false;
    const path = join(folder, file);
    // It is written at once, and the process answers again when it is complete.
    await fetch(`${service.url}/livez`);
    if ((await stat(path)).size === 0) return false;
    snapshot = await readFile(path, 'utf8');
    return snapshot.endsWith('}');
  });
  expect(snapshot).toContain('"strings":');
  // The snapshot holds what the process knows.
  expect(snapshot).toContain('"search"');

  const keys = [ROOT_KEY, app.key, gone.key, turned.key, next.key];
  for (const key of keys) {
    const places = [...seen, service.stdout, service.stderr].filter((text) => text.includes(key));
    expect([key.slice(0, 8), places.map((text) => text.slice(0, 200))]).toEqual([key.slice(0, 8), []]);
    expect([key.slice(0, 8), snapshot.includes(key)]).toEqual([key.slice(0, 8), false]);
  }
});
