import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Behaviour, type FakeUpstream, json, slow } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { startService, type TestService } from '../service.js';
import { until } from '../until.js';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const failing: Behaviour = (response) => response.writeHead(500).end('{"error":"out of memory"}');
const UNPROBED = { health_check: { kind: 'none' } };

async function model(name: string, behaviour: Behaviour, more: object = {}): Promise<FakeUpstream> {
  const upstream = await upstreamForTest(behaviour);
  const worker = aWorker(upstream, { model_name: name, ...UNPROBED, ...more });
  expect((await service.register(worker)).status).toBe(200);
  return upstream;
}

async function policy(name: string, body: object): Promise<void> {
  const { ok } = await fetch(`${service.url}/api/v1/models/${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(ok).toBe(true);
}

describe('the fallbacks of a model', () => {
  it('answer when the workers of the model fail, and the answer names the model that served it', async () => {
    const [first, second] = [await model('fb-a', failing), await model('fb-b', json({ answer: 'from b' }))];
    await policy('fb-a', { fallbacks: ['fb-none', 'fb-b'] });
    const answer = await service.chat('fb-a', 'hello');
    expect(answer.json).toEqual({ success: true, msg: 'execute succeed', result: 'from b' });
    expect(answer.headers.get('x-mmm-model')).toBe('fb-b');
    expect(answer.headers.get('x-mmm-attempts')).toBe('2');
    expect({ callsOfFirst: first.requests.length, callsOfSecond: second.requests.length }).toEqual({
      callsOfFirst: 1,
      callsOfSecond: 1,
    });
    // The requested model answers under its own name.
    expect((await service.chat('fb-b', 'hello')).headers.get('x-mmm-model')).toBeNull();
    const openAi = await service.post('/api/v1/chat/completions', {
      model: 'fb-a',
      messages: [{ role: 'user', content: 'hello' }],
    });
    expect(openAi.json).toMatchObject({ model: 'fb-b', choices: [{ message: { content: 'from b' } }] });
  });

  it('answer for a model without a worker, or without a usable one', async () => {
    await model('fb-c', json({ answer: 'from c' }));
    await policy('fb-absent', { fallbacks: ['fb-c'] });
    expect((await service.chat('fb-absent', 'hello')).json).toMatchObject({ result: 'from c' });
    await model('fb-off', json({ answer: 'never' }));
    await policy('fb-off', { fallbacks: ['fb-c'] });
    await service.database.query(`UPDATE worker SET admin_state = 'disabled' WHERE model_name = 'fb-off'`);
    const answer = async () => (await service.chat('fb-off', 'hello')).json;
    await expect.poll(answer).toMatchObject({ result: 'from c' });
  });

  it('leave the client with the error of the requested model when they fail as well', async () => {
    await model('fb-d', failing);
    await model('fb-e', (response) => response.writeHead(503).end());
    await policy('fb-d', { fallbacks: ['fb-e'] });
    const { status, json: refusal } = await service.chat('fb-d', 'hello');
    expect(status).toBe(502);
    expect(refusal).toMatchObject({ msg: expect.stringContaining('500') as string });
  });

  it('are not called after an error of the client, or when the worker may still be generating the answer', async () => {
    const other = await model('fb-f', json({ answer: 'from f' }));
    await model('fb-g', (response) => response.writeHead(422).end('{"error":"too long"}'));
    await model('fb-h', () => {}, { timeouts: { total_ms: 300 } });
    await policy('fb-g', { fallbacks: ['fb-f'] });
    await policy('fb-h', { fallbacks: ['fb-f'] });
    expect((await service.chat('fb-g', 'hello')).status).toBe(502);
    expect((await service.chat('fb-h', 'hello')).status).toBe(504);
    expect(other.requests).toEqual([]);
  });

  it('answer requests that the API of the model cannot express, and never turn an outage into an error of the client', async () => {
    const answer = { choices: [{ index: 0, message: { role: 'assistant', content: 'by tools' } }] };
    const upstream = await upstreamForTest(json(answer));
    const base = { protocol: 'openai', health_check: { kind: 'none' } };
    await service.register({ ...base, model_name: 'fb-k', req_url_template: `${upstream.url}/v1` });
    await service.register({ ...base, model_name: 'fb-dead', req_url_template: 'http://127.0.0.1:9/v1' });
    await model('fb-l', json({ answer: 'plain' }));
    await policy('fb-l', { fallbacks: ['fb-k'] });
    await policy('fb-dead', { fallbacks: ['fb-m'] });
    await model('fb-m', json({ answer: 'plain' }));
    const tools = [{ type: 'function', function: { name: 'look' } }];
    const send = (name: string) =>
      service.post('/v1/chat/completions', {
        model: name,
        messages: [{ role: 'user', content: 'x' }],
        tools,
      });
    expect((await send('fb-l')).json).toEqual(answer);
    expect((await send('fb-m')).status).toBe(400);
    expect((await send('fb-dead')).status).toBe(502);
  });

  it('end if a change in psql has made them a cycle', async () => {
    const upstreams = [await model('fb-i', failing), await model('fb-j', failing)];
    await service.database.query(
      `INSERT INTO model (name, fallbacks) VALUES ('fb-i', '{fb-j}'), ('fb-j', '{fb-i}')`,
    );
    // The request that first knows the policies goes to both, and to none twice.
    const calls = () => upstreams.map(({ requests }) => requests.length);
    let before = calls();
    await until(async () => {
      before = calls();
      expect((await service.chat('fb-i', 'hello')).status).toBe(502);
      return (calls()[1] ?? 0) > 0;
    });
    expect(calls()).toEqual([(before[0] ?? 0) + 1, 1]);
  });
});

describe('the retries of a model', () => {
  it('are limited in number and cause by the policy of the model', async () => {
    const upstreams = [await model('r-a', failing), await model('r-a', failing), await model('r-a', failing)];
    const calls = () => upstreams.reduce((sum, { requests }) => sum + requests.length, 0);
    await policy('r-a', { retries: 0 });
    await service.chat('r-a', 'x');
    expect(calls()).toBe(1);
    await policy('r-a', { retries: 1 });
    await service.chat('r-a', 'x');
    expect(calls()).toBe(3);
    await policy('r-a', { retries: 2, retry_on: ['503', 'connection'] });
    await service.chat('r-a', 'x');
    expect(calls()).toBe(4);
  });
});

describe('the deadline of a request', () => {
  it('limits the whole request, and the worker receives the remaining time', async () => {
    const upstream = await model('dl-a', json({ answer: 'in time' }));
    await service.chat('dl-a', 'x', { 'x-request-timeout-ms': '60000' });
    await service.chat('dl-a', 'x');
    const [withDeadline, withoutDeadline] = upstream.requests.map(
      ({ headers }) => headers['x-request-timeout-ms'],
    );
    expect(Number(withDeadline)).toBeGreaterThan(30_000);
    expect(Number(withDeadline)).toBeLessThanOrEqual(60_000);
    expect(withoutDeadline).toBeUndefined();
    await model('dl-b', () => {});
    const { status, json: refusal } = await service.chat('dl-b', 'x', { 'x-request-timeout-ms': '200' });
    expect({ status, refusal }).toEqual({
      status: 504,
      refusal: expect.objectContaining({ success: false }),
    });
  });

  it("is shortened to the model's total_ms", async () => {
    await model('dl-c', () => {});
    await policy('dl-c', { timeouts: { total_ms: 200 } });
    expect((await service.chat('dl-c', 'x', { 'x-request-timeout-ms': '60000' })).status).toBe(504);
  });

  it('is extended by the total_ms of a worker, but never beyond the deadline of the client', async () => {
    await model('dl-d', slow(700, json({ answer: 'a film' })), { timeouts: { total_ms: 20_000 } });
    await policy('dl-d', { timeouts: { total_ms: 200 } });
    expect((await service.chat('dl-d', 'x')).status).toBe(200);
    expect((await service.chat('dl-d', 'x', { 'x-request-timeout-ms': '60000' })).status).toBe(200);
    expect((await service.chat('dl-d', 'x', { 'x-request-timeout-ms': '250' })).status).toBe(504);
  });

  it.each(['0', '-1', '1.5', 'soon', '99999999999', ''])(
    'refuses a deadline of %j with a message that names the header',
    async (given) => {
      const { status, json: refusal } = await service.chat('dl-a', 'x', { 'x-request-timeout-ms': given });
      expect(status).toBe(400);
      expect(refusal).toMatchObject({ details: [{ field: 'x-request-timeout-ms' }] });
    },
  );
});
