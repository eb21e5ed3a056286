import { gunzipSync } from 'node:zlib';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Metrics } from '../src/telemetry/metrics.js';
import { json, text } from './fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from './fixtures/worker.js';
import { exposedMetrics, lint } from './metrics-lint.js';
import { documentedMetrics } from './metrics-page.js';
import { startService, type TestService } from './service.js';
import { until } from './until.js';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const linesOf = (requestId: string) => service.log.filter((line) => line['request_id'] === requestId);

/** The line of a request; it is written just after the last byte of the answer. */
async function lineOf(requestId: string): Promise<Readonly<Record<string, unknown>>> {
  await until(() => linesOf(requestId).length > 0);
  const lines = linesOf(requestId);
  expect(lines).toHaveLength(1);
  return lines[0] ?? {};
}

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Prometheus’ text format 0.0.4, strictly. */
function samplesOf(exposition: string): readonly Sample[] {
  return exposition
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', inner = '', value = ''] =
        /^([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)$/.exec(line) ?? [];
      expect([line, name]).not.toEqual([line, '']);
      const labels = [...inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
        ([, label = '', of = '']): [string, string] => [label, of.replaceAll(/\\(.)/g, '$1')],
      );
      return { name, labels: Object.fromEntries(labels), value: Number(value.replace('Inf', 'Infinity')) };
    });
}

async function metrics(): Promise<readonly Sample[]> {
  const answer = await service.get('/metrics');
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  return samplesOf(answer.text);
}

const requestsOf = (samples: readonly Sample[], model: string) =>
  Object.fromEntries(
    samples
      .filter(({ name, labels }) => name === 'mmm_requests_total' && labels['model'] === model)
      .map(({ labels, value }) => [labels['outcome'], value]),
  );

describe('x-request-id', () => {
  it('is kept if the client sends a valid one, is sent to the worker and is in the log', async () => {
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    const worker = aWorker(upstream);
    await service.register(worker);
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const headers = { 'x-request-id': 'my.id:1_a-b', traceparent };
    const answer = await service.chat(worker.model_name, 'x', headers);
    expect(answer.headers.get('x-request-id')).toBe('my.id:1_a-b');
    expect(upstream.requests[0]?.headers).toMatchObject(headers);
    expect(await lineOf('my.id:1_a-b')).toMatchObject({ status: 200 });
  });

  it.each(['', 'a b', 'x'.repeat(129), 'a"b', '{"evil":1}', 'é'])(
    'is generated if the client sends none or an invalid one: %j',
    async (given) => {
      const { headers } = await service.get('/livez', { 'x-request-id': given });
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
    },
  );

  it('is in every answer, including errors and pages', async () => {
    for (const path of ['/nope', '/api/server/workers', '/docs', '/metrics', '/%'])
      expect((await service.get(path)).headers.get('x-request-id')).toMatch(/^[\w-]{36}$/);
  });
});

describe('the log', () => {
  it('has one line per request, without any text of prompts and answers', async () => {
    const upstream = await upstreamForTest(json({ answer: 'an-answer-of-the-model' }));
    const worker = aWorker(upstream);
    await service.register(worker);
    const send = (id: string, prompt: unknown) =>
      service.post(
        '/api/v1/chat/completions?token=in-the-query',
        { model_name: worker.model_name, input: prompt },
        { 'x-request-id': id, authorization: 'Bearer of-the-client', cookie: 'session=of-the-client' },
      );
    const answers = [
      await send('log-1', 'a-prompt-of-a-client'),
      await send('log-2', { no: 'a-prompt-of-a-client' }),
    ];
    upstream.behave(text('an-error-of-the-model', 500));
    answers.push(await send('log-3', 'a-prompt-of-a-client'));
    expect(answers.map(({ status }) => status)).toEqual([200, 400, 502]);

    const workerId = answers[0]?.headers.get('x-mmm-worker-id');
    const common = {
      msg: 'request',
      method: 'POST',
      path: '/api/v1/chat/completions',
      ms: expect.any(Number) as unknown,
    };
    expect(await lineOf('log-1')).toMatchObject({
      ...common,
      status: 200,
      model: worker.model_name,
      attempts: 1,
      worker_id: workerId,
      upstream_ms: expect.any(Number) as unknown,
    });
    expect(await lineOf('log-2')).toMatchObject({ ...common, status: 400, error_type: 'caller_bad_request' });
    expect(await lineOf('log-3')).toMatchObject({
      ...common,
      status: 502,
      model: worker.model_name,
      error_type: 'worker_error',
    });
    expect(JSON.stringify(service.log)).not.toMatch(
      /a-prompt-of|an-answer-of|an-error-of|in-the-query|of-the-client/,
    );
  });

  it('has a line for requests that reach no route, and none above info for errors of clients', async () => {
    for (const [id, path] of [
      ['lost-1', '/nope?secret=1'],
      ['lost-2', '/%'],
    ] as const) {
      await service.get(path, { 'x-request-id': id });
      expect(await lineOf(id)).toMatchObject({ level: 30, path: path.split('?', 1).join() });
    }
  });
});

describe('/metrics', () => {
  it('contains the metrics of the process', async () => {
    const samples = await metrics();
    const value = (of: string) => samples.find(({ name }) => name === of)?.value;
    expect(value('process_resident_memory_bytes')).toBeGreaterThan(1_000_000);
    expect(value('process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(value('nodejs_eventloop_lag_seconds')).toBeGreaterThanOrEqual(0);
    expect(value('mmm_registry_age_seconds')).toBeGreaterThanOrEqual(0);
  });

  it('counts requests by model and outcome, whatever characters the model name has', async () => {
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    const model = 'org/"quoted" \\model{}=,';
    await service.register(aWorker(upstream, { model_name: model }));
    await service.chat(model, 'x');
    await service.chat(model, 'x');
    upstream.behave(text('no', 500));
    await service.chat(model, 'x');
    upstream.behave('resets');
    await service.chat(model, 'x');
    upstream.behave(text('', 401));
    await service.chat(model, 'x');
    await expect
      .poll(async () => requestsOf(await metrics(), model))
      .toEqual({ ok: 2, worker_error: 1, worker_rejected_credentials: 1, worker_unreachable: 1 });
    const durations = (await metrics()).filter(
      ({ name, labels }) =>
        name === 'gen_ai_server_request_duration_seconds_count' && labels['gen_ai_request_model'] === model,
    );
    expect(durations.reduce((sum, { value }) => sum + value, 0)).toBe(5);
  });

  it('reports the token counts of answers and the time to the first byte of streams', async () => {
    const model = 'counts-tokens';
    const upstream = await upstreamForTest(json({ answer: 'x', usage: { in: 7, out: 3 } }));
    const usage = { usage_extract: { input: 'usage.in', output: 'usage.out' } };
    await service.register(aWorker(upstream, { model_name: model, ...usage }));
    await service.chat(model, 'x', { 'x-request-id': 'tokens-1' });
    const stream = { model, stream: true, messages: [{ role: 'user', content: 'x' }] };
    await service.post('/v1/chat/completions', stream, { 'x-request-id': 'tokens-2' });
    const tokens = { input_tokens: 7, output_tokens: 3 };
    expect(await lineOf('tokens-1')).toMatchObject(tokens);
    expect(await lineOf('tokens-1')).not.toHaveProperty('first_event_ms');
    expect(await lineOf('tokens-2')).toMatchObject({
      ...tokens,
      first_event_ms: expect.any(Number) as unknown,
    });
    const figure = (of: readonly Sample[], sought: string, type?: string) =>
      of.find(
        ({ name, labels }) =>
          name === sought && labels['gen_ai_request_model'] === model && labels['gen_ai_token_type'] === type,
      )?.value;
    await expect
      .poll(async () => {
        const read = await metrics();
        return [
          figure(read, 'gen_ai_client_token_usage_sum', 'input'),
          figure(read, 'gen_ai_client_token_usage_sum', 'output'),
          figure(read, 'gen_ai_client_token_usage_count', 'output'),
          figure(read, 'gen_ai_server_time_to_first_token_seconds_count'),
        ];
      })
      .toEqual([14, 6, 2, 1]);
  });

  it('reports the token counts of answers that were passed through', async () => {
    const model = 'passes-tokens';
    const answer = { choices: [], usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 } };
    const upstream = await upstreamForTest(json(answer));
    const base = `${upstream.url}/v1`;
    await service.register({ model_name: model, protocol: 'openai', req_url_template: base });
    const messages = [{ role: 'user', content: 'x' }];
    await service.post('/v1/chat/completions', { model, messages }, { 'x-request-id': 'passed-1' });
    const events = `data: {"usage":null}\n\ndata: ${JSON.stringify(answer)}\n\ndata: [DONE]\n\n`;
    upstream.behave(text(events, 200, { 'content-type': 'text/event-stream' }));
    await service.post(
      '/v1/chat/completions',
      { model, messages, stream: true },
      { 'x-request-id': 'passed-2' },
    );
    for (const id of ['passed-1', 'passed-2'])
      expect(await lineOf(id)).toMatchObject({ status: 200, input_tokens: 5, output_tokens: 2 });
  });

  it('holds every metric of docs/metrics.md with its type and labels, and no other', () => {
    const documented = documentedMetrics().map(({ name, type, labels }) => ({ name, type, labels }));
    const { families } = service.app.get(Metrics);
    const actual = families.map(({ name, type, labelNames }) => ({ name, type, labels: [...labelNames] }));
    const byName = (of: { readonly name: string }, other: { readonly name: string }) =>
      of.name.localeCompare(other.name);
    expect(documented.toSorted(byName)).toEqual(actual.toSorted(byName));
    expect(documentedMetrics().filter(({ unit, meaning }) => unit === '' || meaning === '')).toEqual([]);
  });

  it('obeys the rules of promtool', async () => {
    const { text: exposition } = await service.get('/metrics');
    const exposed = exposedMetrics(exposition);
    expect(exposed.length).toBeGreaterThan(50);
    expect(exposed.flatMap(lint)).toEqual([]);
  });

  it('names the model `model` wherever it has one', () => {
    const { families } = service.app.get(Metrics);
    const named = families.filter(({ labelNames }) => labelNames.some((label) => label.includes('model')));
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter(({ labelNames }) => !labelNames.includes('model'))).toEqual([]);
  });

  it('is compressed for scrapers that accept gzip', async () => {
    const { headers, body } = await request(`${service.url}/metrics`, {
      headers: { 'accept-encoding': 'gzip' },
    });
    expect(headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'accept-encoding' });
    const exposition = gunzipSync(Buffer.from(await body.arrayBuffer())).toString();
    expect(exposedMetrics(exposition).map(({ name }) => name)).toContain('mmm_build_info');
  });

  it('has no label that a client can invent, and never a prompt, a key or a URL', async () => {
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    await service.register(aWorker(upstream, { model_name: 'bounded' }));
    await service.chat('bounded', 'x');
    await expect.poll(async () => requestsOf(await metrics(), 'bounded')).toEqual({ ok: 1 });
    const before = await metrics();
    for (let made = 0; made < 20; made++) {
      await service.chat(`made-up-${made}`, 'a-prompt', { 'x-api-key': `key-${made}` });
      await service.get(`/made-up-${made}`);
    }
    await expect
      .poll(async () => requestsOf(await metrics(), '')['caller_not_found'])
      .toBeGreaterThanOrEqual(20);
    const after = await metrics();
    // At most one series per outcome, and its histogram.
    expect(after.length - before.length).toBeLessThan(60);
    expect(JSON.stringify(after)).not.toMatch(/made-up|a-prompt|key-\d|127\.0\.0\.1/);
  });
});
