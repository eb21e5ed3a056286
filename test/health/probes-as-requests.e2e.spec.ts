import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  type Answer,
  type FakeUpstream,
  json,
  type SeenRequest,
  startFakeUpstream,
  text,
} from '../fakes/fake-upstream.js';
import { startService, type TestService } from '../service.js';
import { until } from '../until.js';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

let models = 0;
/** The health of a worker of this upstream, once it was probed. */
async function healthAt(
  upstream: FakeUpstream,
  fields: object,
): Promise<[health: unknown, reason: unknown, model: string]> {
  const model = `probed-${(models += 1)}`;
  onTestFinished(async () => {
    // A worker that stays enabled is probed until the last case ends.
    await service.database.query(`UPDATE worker SET admin_state = 'offline' WHERE model_name = $1`, [model]);
    await upstream.close();
  });
  const { json: answer } = await service.register({ model_name: model, ...fields });
  expect(answer).toMatchObject({ success: true });
  let seen: Readonly<Record<string, unknown>> | undefined;
  await until(async () => {
    const { json: list } = await service.get('/api/server/workers?detail=true');
    const { data } = list as { data: Readonly<Record<string, unknown>>[] };
    seen = data.find(({ model_name: name }) => name === model);
    return seen !== undefined && !['unknown', 'suspect'].includes(String(seen['health']));
  });
  return [seen?.['health'], seen?.['health_reason'], model];
}

/** 404 to all but the given paths. */
const only =
  (answers: Readonly<Record<string, Answer>>): Answer =>
  (response, request) => {
    const answer = answers[request.url.split('?')[0] ?? ''] ?? json({ error: 'not found' }, 404);
    answer(response, request);
  };
const body = ({ body: sent }: SeenRequest): unknown => JSON.parse(sent);

describe("A preset's health check", () => {
  it.each([
    ['vllm', '/health'],
    ['llama-cpp', '/health'],
    ['tgi', '/health'],
    ['ollama', '/api/version'],
    ['stable-diffusion-webui', '/sdapi/v1/progress'],
  ])('of %s goes below the base URL, where requests go', async (preset, path) => {
    const upstream = await startFakeUpstream(only({ [`/team-a${path}`]: text('') }));
    const [health, reason] = await healthAt(upstream, { preset, base_url: `${upstream.url}/team-a` });
    expect([health, reason]).toEqual(['healthy', expect.stringContaining(`/team-a${path}`)]);
  });

  it('sends the headers of requests', async () => {
    const upstream = await startFakeUpstream((response, request) =>
      text('', request.headers.authorization === 'Bearer k' ? 200 : 503)(response, request),
    );
    const [health] = await healthAt(upstream, {
      preset: 'vllm',
      base_url: `${upstream.url}/team-a`,
      api_key: 'k',
    });
    expect(health).toBe('healthy');
  });

  it.each([401, 403, 404, 405, 429])('takes a %i for no sickness, and a 503 for one', async (status) => {
    const upstream = await startFakeUpstream(text('', status));
    expect((await healthAt(upstream, { preset: 'vllm', base_url: `${upstream.url}/x` }))[0]).toBe('healthy');
    const dead = await startFakeUpstream(text('', 503));
    expect((await healthAt(dead, { preset: 'vllm', base_url: `${dead.url}/x` }))[0]).toBe('unhealthy');
  });
});

describe('Requests that wait inside a server', () => {
  it('are a warning after two probes, and a metric, until a probe sees none', async () => {
    let waiting = 3;
    const page: Answer = (...of) => text(`vllm:num_requests_waiting{engine="0"} ${waiting}.0\n`)(...of);
    const upstream = await startFakeUpstream(only({ '/team-a/health': text(''), '/team-a/metrics': page }));
    const [, , model] = await healthAt(upstream, { preset: 'vllm', base_url: `${upstream.url}/team-a` });
    const reasonNow = async (): Promise<unknown> => {
      const { json: list } = await service.get('/api/server/workers?detail=true');
      const { data } = list as { data: Readonly<Record<string, unknown>>[] };
      return data.find(({ model_name: name }) => name === model)?.['health_reason'];
    };
    const warning =
      'healthy, but requests wait inside the server: max_concurrency (64) may be more than it runs at once';
    await until(async () => (await reasonNow()) === warning);
    const line = new RegExp(`^mmm_engine_waiting\\{model="${model}",worker="[0-9a-f-]+"\\} (\\d+)$`, 'm');
    const shown = async () => line.exec((await service.get('/metrics')).text)?.[1];
    await expect.poll(shown).toBe('3');

    waiting = 0;
    await until(async () => /answered 200/.test(String(await reasonNow())));
    await expect.poll(shown).toBe('0');
  });
});

describe('A probe by inference', () => {
  const ANY = json({});
  it.each<[string, object, string, object]>([
    ['a chat', { protocol: 'openai' }, '/v1/chat/completions', { model: 'up', max_tokens: 1 }],
    [
      'a chat of a model that knows another limit',
      { protocol: 'openai', upstream_model: 'gpt-5' },
      '/v1/chat/completions',
      { model: 'gpt-5', max_completion_tokens: 64 },
    ],
    [
      'a completion',
      { protocol: 'openai', task: 'completion' },
      '/v1/completions',
      { model: 'up', prompt: 'ping' },
    ],
    [
      'an embedding',
      { protocol: 'openai', task: 'embedding' },
      '/v1/embeddings',
      { model: 'up', input: 'ping' },
    ],
    ['a message', { protocol: 'anthropic' }, '/v1/messages', { model: 'up', max_tokens: 1 }],
    [
      'a chat of Gemini',
      { protocol: 'gemini' },
      '/v1/models/up:generateContent',
      { generationConfig: { maxOutputTokens: 1 } },
    ],
    [
      'a chat of a model with a path',
      { protocol: 'gemini', upstream_model: 'publishers/google/models/up' },
      '/v1/publishers/google/models/up:generateContent',
      {},
    ],
    [
      'an embedding of Gemini',
      { protocol: 'gemini', task: 'embedding' },
      '/v1/models/up:batchEmbedContents',
      { requests: [{ model: 'models/up' }] },
    ],
  ])('is %s, where and as requests of the worker go', async (_what, fields, path, wanted) => {
    const upstream = await startFakeUpstream(only({ [path]: ANY }));
    const [health] = await healthAt(upstream, {
      upstream_model: 'up',
      req_url_template: `${upstream.url}/v1`,
      header: { 'x-team': 'a' },
      health_check: { kind: 'inference' },
      ...fields,
    });
    expect(health).toBe('healthy');
    const [request] = upstream.requests;
    expect(request?.headers['x-team']).toBe('a');
    expect(request === undefined ? null : body(request)).toMatchObject(wanted);
  });

  it.each([429, 498, 529])('takes a %i for a worker that is busy', async (status) => {
    const upstream = await startFakeUpstream(json({}, status));
    const fields = {
      protocol: 'openai',
      req_url_template: `${upstream.url}/v1`,
      health_check: { kind: 'inference' },
    };
    expect((await healthAt(upstream, fields))[0]).toBe('healthy');
  });

  it.each([
    ['openai', 'image'],
    ['openai', 'audio'],
    ['openai', 'video'],
    ['anthropic', 'embedding'],
    ['gemini', 'image'],
    ['template', 'image'],
    ['template', 'video'],
  ])(
    'is refused at registration for protocol %s and task %s, which have no small request',
    async (protocol, task) => {
      const { status, text: answer } = await service.register({
        model_name: 'm',
        req_url_template: 'http://127.0.0.1:9/v1',
        ...(protocol === 'template' ? { body: { p: '{USER_PROMPT}' } } : {}),
        protocol,
        task,
        health_check: { kind: 'inference' },
      });
      expect([status, answer]).toEqual([400, expect.stringContaining('health_check.kind')]);
      expect(answer).toContain(`no request of the task ${task}`);
    },
  );
});
