import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { readEnvironment } from '../../src/config/environment.js';
import { Readiness } from '../../src/health/readiness.js';
import { MetricsServer } from '../../src/server/metrics-server.js';
import { json } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { serviceForTest, startService, type TestService } from '../service.js';

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}

/** Sends the request as given: no library normalises its headers or its path. */
function send(
  of: Pick<TestService, 'url'>,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
) {
  const { hostname, port } = new URL(of.url);
  return new Promise<Answer>((resolve, reject) => {
    const outgoing = request({ hostname, port, path, method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    });
    outgoing.once('error', reject).end();
  });
}

const statusOf = async (answer: Promise<Answer>) => (await answer).status;
const parsed = ({ text }: Answer) => JSON.parse(text) as unknown;
/** Settings of a service that is meant to be reachable from other machines. */
const OPEN = { DATABASE: 'embedded' };
const LIST = '/api/server/workers';

describe('protected mode', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService();
  });
  afterAll(() => service.stop());

  it.each([
    'evil.example',
    'evil.example:8007',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    'evil-localhost',
    '192.168.0.7:8007',
    '127.0.0.1:8007@evil.example',
  ])('refuses requests for the host %s in the error envelope of the path', async (host) => {
    const native = await send(service, LIST, { host });
    expect([native.status, parsed(native)]).toMatchObject([403, { success: false }]);
    expect(native.text).toContain('Host');
    const other = await send(service, '/metrics', { host });
    expect([other.status, parsed(other)]).toMatchObject([403, { error: { type: 'permission_error' } }]);
    expect(await statusOf(send(service, '/api/server/offline', { host }, 'POST'))).toBe(403);
  });

  it.each([
    'http://evil.example',
    'https://127.0.0.1.evil.example',
    'null',
    'file://',
    'http://localhost.evil.example',
  ])('refuses requests that a page of %s sends', async (origin) => {
    const answer = await send(service, LIST, { origin });
    expect([answer.status, parsed(answer)]).toMatchObject([403, { success: false }]);
    expect(answer.text).toContain('Origin');
  });

  it('serves requests from this machine and from its own pages', async () => {
    const { port } = new URL(service.url);
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, 'LOCALHOST', `[::1]:${port}`])
      expect(await statusOf(send(service, LIST, { host }))).toBe(200);
    expect(await statusOf(send(service, LIST, { origin: `http://localhost:${port}` }))).toBe(200);
  });

  it('allows no other origin, with or without a preflight request', async () => {
    const origin = 'http://127.0.0.1:3000';
    const preflight = { origin, 'access-control-request-method': 'POST' };
    for (const answer of [
      await send(service, LIST, { origin }),
      await send(service, '/api/server/register', preflight, 'OPTIONS'),
    ])
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('CORS_ORIGINS', () => {
  const KEY = 'a-key-of-some-length';
  const APP = 'https://app.example';
  const LOCAL = 'http://localhost:5173';
  let service: TestService;
  beforeAll(async () => {
    service = await startService({
      ...OPEN,
      ADMIN_API_KEY: KEY,
      CORS_ORIGINS: `${APP}, ${LOCAL}`,
      UPSTREAM_ALLOW_CIDRS: '127.0.0.0/8',
    });
  });
  afterAll(() => service.stop());

  const preflight = (origin: string, method = 'POST') => ({
    origin,
    'access-control-request-method': method,
    'access-control-request-headers': 'authorization,content-type,x-stainless-os,anthropic-version',
  });

  it.each([
    ['POST', '/v1/chat/completions'],
    ['POST', '/v1/messages'],
    ['GET', '/v1/models/some/model'],
    ['POST', '/api/v1/chat/completions'],
    ['POST', '/api/server/register'],
    ['PATCH', '/api/v1/workers/1'],
    ['PUT', '/api/v1/models/some/model'],
    ['DELETE', '/api/v1/jobs/1'],
  ])('lets a page of a listed origin send %s %s, by a preflight without a key', async (method, path) => {
    for (const origin of [APP, LOCAL]) {
      const { status, headers } = await send(service, path, preflight(origin, method), 'OPTIONS');
      expect([status, headers['access-control-allow-origin']]).toEqual([204, origin]);
      expect(String(headers['access-control-allow-methods']).split(', ')).toContain(method);
      expect(headers['access-control-allow-headers']).toBe(
        'authorization,content-type,x-stainless-os,anthropic-version',
      );
      expect([headers['access-control-max-age'], headers['vary']]).toEqual([
        '7200',
        expect.stringMatching(/Origin/),
      ]);
      expect(headers).not.toHaveProperty('access-control-allow-credentials');
    }
  });

  it.each(['https://evil.example', 'http://app.example', 'https://app.example.evil.example', 'null'])(
    'allows nothing to a page of %s',
    async (origin) => {
      const answers = [
        await send(service, '/v1/models', preflight(origin), 'OPTIONS'),
        await send(service, '/v1/models', { origin, 'x-api-key': KEY }),
      ];
      for (const { headers } of answers) expect(headers).not.toHaveProperty('access-control-allow-origin');
    },
  );

  it('shows a page whole answers, streams and errors, with all their headers, and still wants the key', async () => {
    const upstream = await upstreamForTest(json({ answer: 'hello' }));
    const worker = aWorker(upstream);
    const key = { 'x-api-key': KEY, origin: APP };
    expect((await service.post('/api/server/register', worker, key)).status).toBe(200);
    const chat = { model: worker.model_name, messages: [{ role: 'user', content: 'x' }] };
    const answers = [
      await service.post('/api/v1/chat/completions', { model_name: worker.model_name, input: 'x' }, key),
      await service.post('/v1/chat/completions', chat, key),
      await service.post('/v1/chat/completions', { ...chat, stream: true }, key),
      await service.post('/v1/messages', { ...chat, max_tokens: 5, stream: true }, key),
      await service.post('/v1/chat/completions', { model: 'unregistered' }, key),
      await service.post('/v1/nope', {}, key),
      await service.post('/v1/chat/completions', chat, { origin: APP }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 404, 404, 401]);
    expect(answers[2]?.text).toContain('data: [DONE]');
    for (const { headers } of answers)
      expect([
        headers.get('access-control-allow-origin'),
        headers.get('access-control-expose-headers'),
      ]).toEqual([APP, '*']);
  });

  it('admits the pages that it lists in protected mode, too', async () => {
    const own = await serviceForTest({ CORS_ORIGINS: APP });
    const page = await send(own, LIST, { origin: APP });
    expect([page.status, page.headers['access-control-allow-origin']]).toEqual([200, APP]);
    expect(await statusOf(send(own, LIST, { origin: 'https://evil.example' }))).toBe(403);
    expect(await statusOf(send(own, LIST, { origin: APP, host: 'evil.example' }))).toBe(403);
  });

  it('may be * where every request needs a key', async () => {
    const open = await serviceForTest({ ...OPEN, ADMIN_API_KEY: KEY, CORS_ORIGINS: '*' });
    const origin = 'https://any.example';
    const first = await send(open, '/v1/chat/completions', preflight(origin), 'OPTIONS');
    expect([first.status, first.headers['access-control-allow-origin']]).toEqual([204, '*']);
    expect(await statusOf(send(open, '/v1/models', { origin }))).toBe(401);
  });

  it.each([
    ['*', {}],
    ['https://app.example/', { ADMIN_API_KEY: KEY }],
    ['app.example', { ADMIN_API_KEY: KEY }],
    ['https://app.example:443', { ADMIN_API_KEY: KEY }],
    ['https://*.example', { ADMIN_API_KEY: KEY }],
  ])(
    'is refused at the start where it is no origin, or opens a service without a key: %s',
    (origins, more) => {
      expect(() => readEnvironment({ ...OPEN, ...more, CORS_ORIGINS: origins })).toThrow(/CORS_ORIGINS/);
    },
  );
});

describe('ADMIN_API_KEY', () => {
  const KEY = 'a-key-of-some-length';
  let service: TestService;
  beforeAll(async () => {
    service = await startService({ ...OPEN, ADMIN_API_KEY: KEY });
  });
  afterAll(() => service.stop());

  it.each([
    ['GET', LIST],
    ['GET', `${LIST}?detail=true&api_key=${KEY}`],
    ['POST', '/api/server/register'],
    ['POST', '/api/server/offline'],
    ['POST', '/api/v1/chat/completions'],
    ['GET', '/api/server/nope'],
  ])('protects %s %s and answers in the native envelope', async (method, path) => {
    const answer = await send(service, path, {}, method);
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(parsed(answer)).toEqual({ success: false, msg: expect.stringContaining('x-api-key') as unknown });
  });

  it.each([
    '/metrics',
    '/v1/models',
    '/nope',
    '/echo',
    '//livez',
    '/livezz',
    '/docs%2f..%2fmetrics',
    '/LIVEZ',
  ])('protects %s and answers in the OpenAI envelope', async (path) => {
    const answer = await send(service, path);
    expect(answer.status).toBe(401);
    expect(parsed(answer)).toMatchObject({
      error: { type: 'authentication_error', code: 'missing_api_key' },
    });
  });

  it('leaves probes and API description open to all clients', async () => {
    for (const path of ['/livez', '/readyz', '/health', '/openapi.json', '/docs'])
      expect([path, await statusOf(send(service, path))]).toEqual([path, 200]);
  });

  it.each([
    '/docs/../api/server/workers',
    '/docs/%2e%2e/api/server/workers',
    '/livez/../metrics',
    '/health/%2e%2e/metrics',
  ])('cannot be bypassed by %s', async (path) => {
    const answer = await send(service, path);
    expect([401, 403, 404]).toContain(answer.status);
    expect(parsed(answer)).toMatchObject({ error: {} });
  });

  it('accepts the key in either header, with the scheme name in any case', async () => {
    for (const headers of [
      { authorization: `Bearer ${KEY}` },
      { authorization: `bearer  ${KEY}` },
      { 'x-api-key': KEY },
      { 'api-key': KEY },
      { 'api-key': KEY, authorization: 'Bearer placeholder' },
      { 'x-api-key': KEY, authorization: 'Bearer placeholder' },
      { 'x-api-key': KEY, host: 'models.example', origin: 'https://app.example' },
    ])
      expect(await statusOf(send(service, LIST, headers))).toBe(200);
  });

  it('refuses any other key', async () => {
    for (const headers of [
      { authorization: `Bearer ${KEY}x` },
      { authorization: `Bearer ${KEY.slice(0, -1)}` },
      { authorization: `Bearer ${KEY.toUpperCase()}` },
      { authorization: 'Bearer ' },
      { authorization: KEY },
      { authorization: `Basic ${Buffer.from(`:${KEY}`).toString('base64')}` },
      { 'x-api-key': '' },
      { 'api-key': '' },
      { 'api-key': 'wrong', authorization: 'Bearer wrong' },
      { 'x-api-key': `${KEY}, ${KEY}` },
      { cookie: `x-api-key=${KEY}` },
    ])
      expect([headers, await statusOf(send(service, LIST, headers))]).toEqual([headers, 401]);
  });

  it('refuses a request before it reads the body', async () => {
    const answer = await service.post('/api/server/register', '{', { 'x-api-key': 'wrong' });
    expect(answer.status).toBe(401);
  });

  it('gives access to all endpoints and is never sent to a worker', async () => {
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    const open = await serviceForTest({ ...OPEN, ADMIN_API_KEY: KEY, UPSTREAM_ALLOW_CIDRS: '127.0.0.0/8' });
    const worker = aWorker(upstream);
    const key = { authorization: `Bearer ${KEY}` };
    expect((await open.post('/api/server/register', worker, key)).status).toBe(200);
    expect((await open.chat(worker.model_name, 'x', key)).status).toBe(200);
    expect((await open.get('/metrics', key)).status).toBe(200);
    expect(JSON.stringify([upstream.requests, open.log])).not.toContain(KEY);
  });

  it('forbids workers on loopback unless UPSTREAM_ALLOW_CIDRS allows them', async () => {
    const upstream = await upstreamForTest();
    const answer = await service.post('/api/server/register', aWorker(upstream), { 'x-api-key': KEY });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain('UPSTREAM_ALLOW_CIDRS');
  });

  it('disables the echo upstream, which belongs to protected mode', async () => {
    expect((await service.post('/echo', { input: 'x' }, { 'x-api-key': KEY })).status).toBe(404);
  });

  it('is not required for metrics when METRICS_AUTH is off', async () => {
    const open = await serviceForTest({ ...OPEN, ADMIN_API_KEY: KEY, METRICS_AUTH: 'off' });
    expect(await statusOf(send(open, '/metrics'))).toBe(200);
    expect(await statusOf(send(open, LIST))).toBe(401);
    expect(await statusOf(send(open, '/metricsx'))).toBe(401);
  });
});

describe('METRICS_PORT', () => {
  const HOST = '127.0.0.1';

  async function metricsOf({ app }: TestService): Promise<{ readonly url: string; readonly port: number }> {
    const server = await MetricsServer.listen(app, HOST, 0);
    onTestFinished(() => server.close());
    return { url: `http://${HOST}:${server.port}`, port: server.port };
  }

  it('serves figures and probes without a key, also while the service drains, and nothing else', async () => {
    const service = await serviceForTest({ ...OPEN, ADMIN_API_KEY: 'a-key-of-some-length' });
    const metrics = await metricsOf(service);
    expect(await statusOf(send(service, '/metrics'))).toBe(401);
    const { status, headers, text } = await send(metrics, '/metrics', { host: 'models.example' });
    expect([status, headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    expect(text).toMatch(/^mmm_database_writable 1$/m);
    const zipped = await send(metrics, '/metrics?x', { 'accept-encoding': 'gzip' });
    expect(zipped.headers['content-encoding']).toBe('gzip');
    const paths = ['/livez', '/readyz', '/', '/health', '/docs', LIST];
    const statuses = await Promise.all(paths.map((path) => statusOf(send(metrics, path))));
    expect(statuses).toEqual([200, 200, 404, 404, 404, 404]);
    expect(await statusOf(send(metrics, '/metrics', {}, 'POST'))).toBe(405);
    expect(await statusOf(send(metrics, '/metrics', {}, 'HEAD'))).toBe(200);
    service.app.get(Readiness).drain();
    expect(await statusOf(send(metrics, '/readyz'))).toBe(503);
    expect(await statusOf(send(metrics, '/metrics'))).toBe(200);
  });

  it('refuses pages of other origins in protected mode', async () => {
    const metrics = await metricsOf(await serviceForTest());
    expect(await statusOf(send(metrics, '/metrics', { host: 'evil.example' }))).toBe(403);
    expect(await statusOf(send(metrics, '/metrics'))).toBe(200);
  });

  it('must be free, and another than PORT', async () => {
    const service = await serviceForTest();
    const { port } = await metricsOf(service);
    await expect(MetricsServer.listen(service.app, HOST, port)).rejects.toThrow(
      /in use.*, or set METRICS_PORT to another port/,
    );
    expect(() => readEnvironment({ PORT: '9090', METRICS_PORT: '9090' })).toThrow(
      'METRICS_PORT: 9090 is PORT',
    );
  });
});

describe('AUTH=off', () => {
  it('serves all clients without a key', async () => {
    const service = await serviceForTest({ ...OPEN, AUTH: 'off' });
    expect(
      await statusOf(send(service, LIST, { host: 'models.example', origin: 'https://app.example' })),
    ).toBe(200);
  });
});
