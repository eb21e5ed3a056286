import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Behaviour, json, text } from '../fakes/fake-upstream.js';
import { aWorker, keyOf, upstreamForTest, viewsOf } from '../fixtures/worker.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { until } from '../until.js';

let service: TestService;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
});
afterAll(() => service.stop());

async function registered(behaviour: Behaviour, more: Readonly<Record<string, unknown>> = {}) {
  const upstream = await upstreamForTest(behaviour);
  const worker = aWorker(upstream, more);
  expect((await service.register(worker)).status).toBe(200);
  return { upstream, worker, model: worker.model_name };
}

async function failure(behaviour: Behaviour, more: Readonly<Record<string, unknown>> = {}) {
  const { model } = await registered(behaviour, more);
  const { status, json: body, headers } = await service.chat(model, 'x');
  expect(body).toMatchObject({ success: false });
  expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
  return { status, msg: (body as { msg: string }).msg };
}

/** An answer that waits until it is released. */
function held(): { readonly behaviour: Behaviour; readonly release: () => void } {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const behaviour: Behaviour = (response, request) =>
    void released.then(() => json({ answer: 'x' })(response, request));
  return { behaviour, release: () => release() };
}

async function inFlightOf(model: string): Promise<number | undefined> {
  return (await viewsOf(service, model))[0]?.in_flight;
}

describe('A native chat that fails', () => {
  it('reports an unknown model', async () => {
    const { status, json: body } = await service.chat('no-such-model', 'x');
    expect([status, body]).toEqual([
      404,
      { success: false, msg: 'The request model(no-such-model) not exist in llm worker manager' },
    ]);
  });

  it.each(['draining', 'disabled'])('sends Retry-After if all workers are %s', async (state) => {
    const { model, upstream } = await registered(json({ answer: 'x' }));
    await service.database.query('UPDATE worker SET admin_state = $1 WHERE model_name = $2', [state, model]);
    await until(async () => (await service.chat(model, 'x')).status === 503);
    const calls = upstream.calls;
    const { headers, json: body } = await service.chat(model, 'x');
    expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(body).toEqual({ success: false, msg: `no worker of model(${model}) can be used now: 1 ${state}` });
    expect(upstream.calls).toBe(calls);
  });

  it('sends Retry-After if the only worker is unhealthy', async () => {
    const { model, upstream } = await registered(json({ answer: 'x' }));
    await upstream.kill();
    await until(async () => (await viewsOf(service, model))[0]?.health === 'unhealthy');
    await until(async () => (await service.chat(model, 'x')).status === 503);
    const { headers, json: body } = await service.chat(model, 'x');
    expect(headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    const msg = `no worker of model(${model}) can be used now: 1 unhealthy (connection refused)`;
    expect(body).toEqual({ success: false, msg });
  });

  it.each([500, 503, 429, 404, 403, 401, 302, 204])('reports the upstream status %i', async (code) => {
    expect(await failure(text('an upstream message', code))).toEqual({
      status: 502,
      msg:
        code === 204
          ? 'worker execute error: the answer is not JSON (it is empty)'
          : `worker execute error: the upstream answered ${code}`,
    });
  });

  it('reports the part of response_extract that exists', async () => {
    expect(await failure(json({ a: { list: [] } }), { response_extract: 'a.list[].text' })).toEqual({
      status: 502,
      msg: 'worker execute error: a.list is an empty list',
    });
    expect((await failure(text('<html>busy</html>'))).msg).toContain('the answer is not JSON (17 characters');
  });

  it('reports an upstream timeout', async () => {
    const { status, msg } = await failure('hangs', { timeouts: { total_ms: 150 } });
    expect(status).toBe(504);
    expect(msg).toMatch(/^worker execute error: the worker .*150 ms$/);
  });

  it.each(['closes', 'resets', 'sends_garbage', 'closes_half_way', 'closes_mid_chunks'] as const)(
    'reports an upstream that %s',
    async (fault) => {
      const { status, msg } = await failure(fault);
      expect(status).toBe(502);
      expect(msg).toMatch(/^worker execute error: the worker (closed the connection|sent no valid HTTP)/);
    },
  );

  it('reports a refused connection', async () => {
    // A probe would find it first.
    const { model, upstream } = await registered(json({}), { health_check: { kind: 'none' } });
    await upstream.kill();
    const { status, json: body } = await service.chat(model, 'x');
    expect(status).toBe(502);
    expect((body as { msg: string }).msg).toBe('worker execute error: connection refused by the worker');
  });

  it('finds a model that is registered after a first failed call', async () => {
    const upstream = await upstreamForTest(json({ answer: 'here now' }));
    const worker = aWorker(upstream);
    expect((await service.chat(worker.model_name, 'x')).status).toBe(404);
    await service.register(worker);
    expect((await service.chat(worker.model_name, 'x')).json).toMatchObject({ result: 'here now' });
    await service.post('/api/server/offline', keyOf(worker));
    expect((await service.chat(worker.model_name, 'x')).status).toBe(404);
  });
});

describe('The count in_flight', () => {
  it('counts running calls and returns to 0 however a call ends', async () => {
    const { behaviour: waits, release } = held();
    const { model, upstream } = await registered(waits);
    const calls = [1, 2, 3].map(() => service.chat(model, 'x'));
    await until(async () => (await inFlightOf(model)) === 3);
    release();
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([200, 200, 200]);
    await until(async () => (await inFlightOf(model)) === 0);

    for (const behaviour of [text('no', 500), text('not JSON'), 'closes_half_way', 'resets'] as const) {
      upstream.behave(behaviour);
      await service.chat(model, 'x');
      await until(async () => (await inFlightOf(model)) === 0);
    }
  });

  it('returns to 0 when the client disconnects, which also ends the upstream call', async () => {
    const { model, upstream } = await registered('hangs');
    const client = new AbortController();
    const call = fetch(`${service.url}/api/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model_name: model, input: 'x' }),
      signal: client.signal,
    });
    await until(() => upstream.calls === 1);
    expect(await inFlightOf(model)).toBe(1);
    client.abort();
    await expect(call).rejects.toThrow('aborted');
    await until(() => upstream.aborted === 1);
    await until(async () => (await inFlightOf(model)) === 0);
  });

  it('never exceeds max_concurrency: more calls wait in order, and calls beyond the queue are rejected', async () => {
    const { behaviour, release } = held();
    const { model, upstream } = await registered(behaviour, { max_concurrency: 2 });
    // Two run, four wait, and one is rejected.
    const calls = [1, 2, 3, 4, 5, 6, 7].map(() => service.chat(model, 'x'));
    await until(() => upstream.calls === 2);
    const rejected = await Promise.race(calls);
    expect([rejected.status, rejected.headers.get('retry-after')]).toEqual([
      503,
      expect.stringMatching(/^[1-9]\d*$/),
    ]);
    expect(upstream.calls).toBe(2);
    release();
    const answers = await Promise.all(calls);
    const having = (code: number) => answers.filter(({ status }) => status === code).length;
    expect([having(200), having(503)]).toEqual([6, 1]);
    expect(upstream.calls).toBe(6);
  });
});
