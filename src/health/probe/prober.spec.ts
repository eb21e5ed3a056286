import { createServer } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import {
  json,
  startFakeUpstream,
  text,
  type Behaviour,
  type FakeUpstream,
} from '../../../test/fakes/fake-upstream.js';
import { faultNames } from '../../../test/fakes/upstream-faults.js';
import { compileTemplateCall } from '../../registry/calls/template-call.js';
import { UpstreamClient } from '../../upstream/upstream-client.js';
import { UpstreamGuard } from '../../upstream/upstream-guard.js';
import type { HttpTarget } from './probe-target.js';
import { Prober } from './prober.js';
import { Metrics } from '../../telemetry/metrics.js';

function aProber(allowLoopback: boolean): Prober {
  const guard = new UpstreamGuard({ allowCidrs: [], denyCidrs: [], allowLoopback });
  return new Prober(guard, new UpstreamClient(guard, { maxResponseBytes: 1_000_000 }), new Metrics());
}

const prober = aProber(true);
const never = new AbortController().signal;
const upstreams: FakeUpstream[] = [];

afterEach(async () => {
  await Promise.all(upstreams.splice(0).map((upstream) => upstream.close()));
});

async function anUpstream(behaviour?: Behaviour): Promise<FakeUpstream> {
  const upstream = await startFakeUpstream(behaviour);
  upstreams.push(upstream);
  return upstream;
}

function http(url: string, own: Partial<HttpTarget> = {}): HttpTarget {
  const fixed = {
    kind: 'http',
    method: 'GET',
    timeoutMs: 2_000,
    expectedStatus: null,
    bodyContains: null,
  } as const;
  return { ...fixed, url, ...own };
}

describe('an http probe', () => {
  it('succeeds if the server answers /health', async () => {
    const upstream = await anUpstream();
    const seen = await prober.probe(http(`${upstream.url}/health`), never);
    expect(seen).toMatchObject({
      failure: null,
      detail: expect.stringMatching(/^GET \/health answered 200 in \d+ ms$/),
    });
    expect(seen.ms).toBeGreaterThanOrEqual(0);
    expect(seen.isPublic).toBe(false);
  });

  it.each([401, 404, 429])(
    'succeeds with status %i, and reports that the server is only alive',
    async (status) => {
      const upstream = await anUpstream();
      upstream.health = status;
      expect(await prober.probe(http(`${upstream.url}/health`), never)).toMatchObject({
        failure: null,
        detail: expect.stringMatching(new RegExp(`^reachable only: GET /health answered ${status} in`)),
      });
    },
  );

  it.each([500, 503])('fails with status %i', async (status) => {
    const upstream = await anUpstream();
    upstream.health = status;
    expect(await prober.probe(http(`${upstream.url}/health`), never)).toMatchObject({
      failure: 'answer',
      detail: expect.stringMatching(new RegExp(`^GET /health answered ${status} in`)),
    });
  });

  it('names the address that refused the connection', async () => {
    const upstream = await anUpstream();
    await upstream.kill();
    expect(await prober.probe(http(`${upstream.url}/health`), never)).toMatchObject({
      failure: 'connection',
      detail: `connection refused by 127.0.0.1:${upstream.port}`,
      ownFault: null,
    });
  });

  it('follows no redirect', async () => {
    const elsewhere = await anUpstream();
    const upstream = await anUpstream(text('', 302, { location: `${elsewhere.url}/health` }));
    expect(await prober.probe(http(`${upstream.url}/old`), never)).toMatchObject({
      failure: null,
      detail: expect.stringMatching(/^reachable only: GET \/old answered 302/),
    });
    expect(elsewhere.probes + elsewhere.calls).toBe(0);
  });

  it('requires exactly the expected status', async () => {
    const upstream = await anUpstream(text('', 204));
    const wanting = (expectedStatus: number) =>
      prober.probe(http(`${upstream.url}/ready`, { expectedStatus }), never);
    expect(await wanting(204)).toMatchObject({ failure: null });
    expect(await wanting(200)).toMatchObject({
      failure: 'answer',
      detail: expect.stringMatching(/answered 204 in \d+ ms, not 200$/),
    });
  });

  it('requires the expected text within the first 64 KiB', async () => {
    const upstream = await anUpstream(json({ state: 'LOADED' }));
    const wanting = (bodyContains: string) =>
      prober.probe(http(`${upstream.url}/ready`, { bodyContains }), never);
    expect(await wanting('"LOADED"')).toMatchObject({ failure: null });
    expect(await wanting('"READY"')).toMatchObject({
      failure: 'answer',
      detail: expect.stringContaining('without the text that body_contains names'),
    });
    upstream.behave(text(`${'x'.repeat(70_000)}LOADED`));
    expect(await wanting('LOADED')).toMatchObject({ failure: 'answer' });
    upstream.behave('never_stops');
    expect(await wanting('LOADED')).toMatchObject({ failure: 'answer' });
  });

  it('sends no credentials, and a User-Agent and method of its own', async () => {
    const upstream = await anUpstream();
    await prober.probe(http(`${upstream.url}/ready?key=1`, { method: 'POST' }), never);
    const [request] = upstream.requests;
    expect(request).toMatchObject({ method: 'POST', url: '/ready?key=1', body: '' });
    expect(Object.keys(request?.headers ?? {}).toSorted()).toEqual(
      expect.arrayContaining(['accept', 'accept-encoding', 'host', 'user-agent']),
    );
    expect(request?.headers['authorization']).toBeUndefined();
    expect(request?.headers['user-agent']).toBe('multi-model-manager');
  });

  it('does not report the query, which may hold a key', async () => {
    const upstream = await anUpstream('hangs');
    const details = [
      await prober.probe(http(`${upstream.url}/ready?key=s3cret`, { timeoutMs: 50 }), never),
      await prober.probe(http(`${upstream.url}/health?key=s3cret`, { timeoutMs: 50 }), never),
    ].map((seen) => seen.detail);
    expect(details.join()).not.toContain('s3cret');
  });

  it('gives up on a server that never answers', async () => {
    const upstream = await anUpstream('hangs');
    expect(await prober.probe(http(`${upstream.url}/ready`, { timeoutMs: 100 }), never)).toMatchObject({
      failure: 'timeout',
      detail: `127.0.0.1:${upstream.port} did not complete GET /ready within 100 ms`,
    });
  });

  it('distinguishes a silent server from one that cannot be connected to', async () => {
    const accepting = await anUpstream('hangs');
    const seenAt = (url: string) => prober.probe(http(`${url}/ready`, { timeoutMs: 150 }), never);
    expect(await seenAt(accepting.url)).toMatchObject({ failure: 'timeout' });
    accepting.behave('hangs_after_headers');
    const target = http(`${accepting.url}/ready`, { timeoutMs: 150, bodyContains: 'never' });
    expect(await prober.probe(target, never)).toMatchObject({ failure: 'timeout' });
    accepting.behave('resets');
    // On a busy machine this may take longer than the timeout above.
    const patient = http(`${accepting.url}/ready`, { timeoutMs: 10_000 });
    expect(await prober.probe(patient, never)).toMatchObject({ failure: 'connection' });
  });

  it('gives up on a body that never ends if it must read it', async () => {
    const upstream = await anUpstream('drips');
    const target = http(`${upstream.url}/ready`, { timeoutMs: 250, bodyContains: 'LOADED' });
    expect(await prober.probe(target, never)).toMatchObject({
      failure: 'timeout',
      detail: expect.stringContaining('within 250 ms'),
    });
  });

  it.each(faultNames)('survives a server that %s, and gives a reason', async (fault) => {
    const upstream = await anUpstream(fault);
    const seen = await prober.probe(
      http(`${upstream.url}/ready`, { timeoutMs: 300, bodyContains: 'no' }),
      never,
    );
    expect(seen.failure).not.toBeNull();
    expect(seen.detail).toMatch(/127\.0\.0\.1:\d+|GET \/ready answered 200/);
  });

  it('reports that a server does not speak HTTP', async () => {
    const upstream = await anUpstream('sends_garbage');
    const garbage = await prober.probe(http(`${upstream.url}/ready`), never);
    expect(garbage.detail).toMatch(/^127\.0\.0\.1:\d+ sent an answer that is not HTTP\/1\.1 \(HPE_\w+\)$/);
    upstream.behave('headers_never_stop');
    const endless = await prober.probe(http(`${upstream.url}/ready`), never);
    expect(endless.detail).toMatch(/^127\.0\.0\.1:\d+ sent more than 16 KiB of headers$/);
  });

  it('ends at once when it is stopped', async () => {
    const upstream = await anUpstream('hangs');
    const stop = new AbortController();
    const seen = prober.probe(http(`${upstream.url}/ready`, { timeoutMs: 60_000 }), stop.signal);
    stop.abort();
    await expect(seen).resolves.toMatchObject({ failure: 'connection' });
  });

  it('connects only where the upstream guard allows, by name and by address', async () => {
    const upstream = await anUpstream();
    const guarded = aProber(false);
    for (const host of ['127.0.0.1', 'localhost', '169.254.169.254']) {
      const seen = await guarded.probe(http(`http://${host}:${upstream.port}/health`), never);
      expect(seen).toMatchObject({
        failure: 'answer',
        detail: expect.stringContaining('an upstream may not be'),
        ownFault: 'settings',
      });
    }
    expect(upstream.probes).toBe(0);
  });

  it('reports that a server does not speak TLS', async () => {
    const upstream = await anUpstream();
    const { port } = upstream;
    expect(await prober.probe(http(`https://127.0.0.1:${port}/health`), never)).toMatchObject({
      failure: 'connection',
      detail: `no TLS connection to 127.0.0.1:${port}: wrong version number`,
    });
  });

  it('reports that a name does not resolve', async () => {
    const seen = await prober.probe(http('http://nowhere.invalid:8000/health'), never);
    expect(seen).toMatchObject({
      failure: 'connection',
      detail: expect.stringContaining('nowhere.invalid:8000'),
    });
  });

  it('ignores the proxies of the environment', async () => {
    const proxy = await anUpstream();
    const upstream = await anUpstream();
    const before = process.env['http_proxy'];
    process.env['http_proxy'] = proxy.url;
    try {
      await prober.probe(http(`${upstream.url}/health`), never);
    } finally {
      if (before === undefined) delete process.env['http_proxy'];
      else process.env['http_proxy'] = before;
    }
    expect([proxy.calls, proxy.probes, upstream.probes]).toEqual([0, 0, 1]);
  });
});

describe('a tcp probe', () => {
  const tcp = (port: number, host = '127.0.0.1') => ({ kind: 'tcp', host, port, timeoutMs: 2_000 }) as const;

  it('succeeds if the server accepts a connection', async () => {
    const server = createServer((socket) => socket.end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    expect(await prober.probe(tcp(port), never)).toMatchObject({
      failure: null,
      detail: expect.stringMatching(/^127\.0\.0\.1:\d+ accepted a connection in \d+ ms$/),
    });
    server.close();
    await once(server, 'close');
    expect(await prober.probe(tcp(port), never)).toMatchObject({
      failure: 'connection',
      detail: `connection refused by 127.0.0.1:${port}`,
    });
  });

  it('obeys the upstream guard', async () => {
    const guarded = aProber(false);
    for (const host of ['127.0.0.1', 'localhost']) {
      expect(await guarded.probe(tcp(9, host), never)).toMatchObject({
        failure: 'connection',
        detail: expect.stringContaining('an upstream may not be'),
      });
    }
  });
});

describe('an inference probe', () => {
  const waits = {
    requestTimeoutMs: 60_000,
    connectTimeoutMs: 2_000,
    firstByteTimeoutMs: 1,
    idleTimeoutMs: 1,
    streamHeartbeatMs: 15_000,
    defaultModel: null,
  };
  function inference(url: string, timeoutMs = 2_000) {
    const definition = {
      req_url_template: `${url}/generate`,
      req_type: 'POST',
      req_param: null,
      body: { q: '{USER_PROMPT}', max: '{MAX_TOKENS}' },
      body_format: 'json',
      response_extract: 'answer',
      success_when: null,
      is_stream: false,
      model_name: 'm',
      upstream_model: null,
      profile: null,
      stream_extract: null,
      usage_extract: null,
      poll: null,
      choices: null,
      defaults: null,
      health_check: null,
      connect_ms: null,
      first_byte_ms: null,
      idle_ms: null,
      total_ms: null,
    } as const;
    const call = compileTemplateCall(definition, { authorization: 'Bearer s3cret' }, () => '', waits);
    const values = { USER_PROMPT: 'ping', MAX_TOKENS: 1, MODEL_NAME: 'm' };
    return {
      kind: 'inference',
      render: (id: string) => call.render({ ...values, REQUEST_ID: id }, {}),
      read: (answer: { readonly text: string }) => call.extract(answer),
      timeoutMs,
    } as const;
  }

  it("makes the worker's own call, and succeeds if the answer can be read", async () => {
    const upstream = await anUpstream(json({ answer: '' }));
    const seen = await prober.probe(inference(upstream.url), never);
    expect(seen).toMatchObject({
      failure: null,
      detail: expect.stringMatching(/^an inference answered 200 in \d+ ms$/),
    });
    const [request] = upstream.requests;
    expect(request).toMatchObject({ url: '/generate', body: '{"q":"ping","max":1}' });
    expect(request?.headers['authorization']).toBe('Bearer s3cret');
  });

  it('fails without quoting the answer if the answer is unreadable or has an error status', async () => {
    const upstream = await anUpstream(json({ s3cret: 'x' }));
    const seen = await prober.probe(inference(upstream.url), never);
    expect(seen).toMatchObject({ failure: 'answer' });
    expect(seen.detail).not.toContain('s3cret');
    upstream.behave(json({ answer: 'x' }, 500));
    expect(await prober.probe(inference(upstream.url), never)).toMatchObject({
      failure: 'answer',
      detail: expect.stringMatching(/^an inference answered 500 in/),
    });
    upstream.behave('hangs');
    expect(await prober.probe(inference(upstream.url, 100), never)).toMatchObject({
      failure: 'timeout',
    });
    await upstream.kill();
    expect(await prober.probe(inference(upstream.url), never)).toMatchObject({ failure: 'connection' });
  });

  it('succeeds if the worker is too busy to answer', async () => {
    const upstream = await anUpstream(json({}, 429));
    expect(await prober.probe(inference(upstream.url), never)).toMatchObject({
      failure: null,
      detail: expect.stringMatching(/^reachable only: an inference answered 429/),
    });
  });
});

describe('no probe', () => {
  it('always succeeds', async () => {
    expect(await prober.probe({ kind: 'none' }, never)).toEqual({
      failure: null,
      detail: 'not probed: its health_check has kind none',
      ms: 0,
      isPublic: false,
      ownFault: null,
    });
  });
});
