import { expect, it } from 'vitest';
import { readEnvironment } from '../../src/config/environment.js';
import { databaseForTest } from '../database.js';
import { json, slow } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { databaseSettings, startProcess } from '../process.js';
import { until } from '../until.js';

const KEY = 'a-key-of-some-length';
const headers = { 'x-api-key': KEY, 'content-type': 'application/json' };

it('ADMIN_PORT serves every route, and then PORT serves models, jobs and probes only, until both have ended', async () => {
  const database = await databaseForTest();
  const service = startProcess({
    ...databaseSettings(database.address),
    ADMIN_API_KEY: KEY,
    ADMIN_PORT: '0',
    UPSTREAM_ALLOW_CIDRS: '127.0.0.0/8',
  });
  await service.ready();
  const adminPort = () => /management on \S+:(\d+)/.exec(service.stdout)?.[1];
  await until(() => adminPort() !== undefined);
  const admin = `http://127.0.0.1:${adminPort()}`;
  const status = async (url: string, method = 'GET', body?: unknown) =>
    (await fetch(url, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }))
      .status;

  const upstream = await upstreamForTest(slow(300, json({ answer: 'hello' })));
  const worker = aWorker(upstream);
  expect(await status(`${service.url}/api/server/register`, 'POST', worker)).toBe(404);
  expect(await status(`${admin}/api/server/register`, 'POST', worker)).toBe(200);
  const chat = { model: worker.model_name, messages: [{ role: 'user', content: 'x' }] };
  for (const base of [service.url, admin]) {
    expect(await status(`${base}/v1/chat/completions`, 'POST', chat)).toBe(200);
    for (const path of ['/livez', '/readyz', '/v1/models', '/api/v1/jobs', '/api/v1/me'])
      expect([path, await status(base + path)]).toEqual([path, 200]);
  }
  const managed = [
    '/api/v1/workers',
    '/api/v1/keys',
    '/api/v1/events',
    '/api/v1/presets',
    '/metrics',
    '/health',
    '/openapi.json',
    '/docs',
  ];
  for (const path of managed) {
    expect([path, await status(service.url + path)]).toEqual([path, 404]);
    expect([path, await status(admin + path)]).toEqual([path, 200]);
  }
  const refused = await fetch(`${service.url}/api/v1/keys`);
  expect([refused.status, await refused.text()]).toEqual([
    404,
    expect.stringContaining('ADMIN_PORT') as unknown,
  ]);
  expect((await fetch(`${admin}/api/v1/keys`)).status).toBe(401);

  // A request of either port that runs at the stop still gets its answer.
  const last = [service.url, admin].map((base) => status(`${base}/v1/chat/completions`, 'POST', chat));
  await until(() => upstream.requests.length >= 4);
  process.kill(service.pid, 'SIGTERM');
  expect(await Promise.all(last)).toEqual([200, 200]);
  expect((await service.exited).code).toBe(0);
});

it('ADMIN_PORT is a port of its own', () => {
  const settings = { PORT: '8007', METRICS_PORT: '9090', DATABASE_URL: 'postgres://127.0.0.1/x' };
  expect(() => readEnvironment({ ...settings, ADMIN_PORT: '8007' })).toThrow('ADMIN_PORT: 8007 is PORT');
  expect(() => readEnvironment({ ...settings, ADMIN_PORT: '9090' })).toThrow(
    'ADMIN_PORT: 9090 is METRICS_PORT',
  );
  expect(readEnvironment({ ...settings, ADMIN_PORT: '8009' }).server.adminPort).toBe(8009);
});
