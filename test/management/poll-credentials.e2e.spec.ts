import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, json } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest, viewsOf } from '../fixtures/worker.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { call } from './client.js';
import { PATIENT_MS } from '../until.js';

const SOON = { timeout: PATIENT_MS };
const KEY = 'sk-of-the-worker-0123456789';
const STEP_KEY = 'sk-of-a-step-9876543210';

let service: TestService;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
});
afterAll(() => service.stop());

/** A task that is done at the first look. */
const vendor: Answer = (response, request) =>
  json(
    request.method === 'POST'
      ? { id: 'task-1' }
      : { status: 'DONE', url: 'data:image/png;base64,iVBORw0KGgo=' },
  )(response, request);

function aPollWorker(upstream: { readonly url: string }, poll: object = {}) {
  return aWorker(upstream, {
    task: 'image',
    response_extract: undefined,
    header: { authorization: `Bearer ${KEY}` },
    poll: {
      keep: { TASK_ID: 'id' },
      status: { url: '/tasks/{TASK_ID}', header: { 'X-Step-Key': STEP_KEY, accept: 'application/json' } },
      state: { path: 'status', done: ['DONE'] },
      result: { extract: 'url', as: 'base64' },
      interval_ms: 500,
      ...poll,
    },
  });
}
const fieldsOf = ({ json: body }: { readonly json: unknown }) =>
  (body as { details: readonly { field: string; problem: string }[] }).details.map(
    ({ field, problem }) => `${field}: ${problem}`,
  );

async function finished(model: string): Promise<unknown> {
  const { json: made } = await service.post('/api/v1/jobs', { model, prompt: 'a cat' });
  const { id } = made as { id: string };
  const job = async () => (await service.get(`/api/v1/jobs/${id}`)).json as { status: string };
  await expect.poll(async () => (await job()).status, SOON).not.toMatch(/queued|running/);
  return job();
}

describe('credentials in the steps of poll', () => {
  it('reach their own step only, and can be read nowhere else', async () => {
    const upstream = await upstreamForTest(vendor);
    const worker = aPollWorker(upstream);
    const made = await call(service, 'POST', '', worker);
    expect(made.worker).toMatchObject({
      header: { authorization: '<sealed>' },
      poll: { status: { header: { 'X-Step-Key': '<sealed>', accept: 'application/json' } } },
    });
    expect(await finished(worker.model_name)).toMatchObject({ status: 'succeeded' });
    const [submit, status] = upstream.requests.filter(({ url }) => url !== '/health');
    expect([submit?.headers['authorization'], submit?.headers['x-step-key']]).toEqual([
      `Bearer ${KEY}`,
      undefined,
    ]);
    expect([status?.headers['authorization'], status?.headers['x-step-key']]).toEqual([
      `Bearer ${KEY}`,
      STEP_KEY,
    ]);
    const rows = await service.database.query<{ row: string }>(
      `SELECT w::text AS row FROM worker w UNION ALL SELECT e::text FROM event e UNION ALL SELECT u::text FROM event_undo u UNION ALL SELECT j::text FROM job j`,
    );
    const seen = JSON.stringify([
      rows,
      service.log,
      made.json,
      (await call(service, 'GET', `/${made.worker.id}`)).json,
    ]);
    for (const secret of [KEY, STEP_KEY]) expect(seen).not.toContain(secret);
  });

  it('are sealed in every step, also in the only one that cancels', async () => {
    const upstream = await upstreamForTest(vendor);
    const header = { authorization: `Bearer ${STEP_KEY}` };
    const steps = {
      cancel: { method: 'DELETE', url: '/tasks/{TASK_ID}', header },
      result: { request: { url: '/results/{TASK_ID}', header }, extract: 'url', as: 'base64' },
    };
    const made = await call(service, 'POST', '', aPollWorker(upstream, steps));
    expect([made.status, made.worker]).toMatchObject([
      201,
      {
        poll: {
          cancel: { header: { authorization: '<sealed>' } },
          result: { request: { header: { authorization: '<sealed>' } } },
        },
      },
    ]);
    expect(await finished(made.worker.model_name)).toMatchObject({ status: 'succeeded' });
    const fetched = upstream.requests.find(({ url }) => url.startsWith('/results'));
    expect(fetched?.headers['authorization']).toBe(`Bearer ${STEP_KEY}`);
  });

  it('stay through changes that do not name them, and "<sealed>" keeps them', async () => {
    const upstream = await upstreamForTest(vendor);
    const worker = aPollWorker(upstream);
    const { id } = (await call(service, 'POST', '', worker)).worker;
    const patched = await call(service, 'PATCH', `/${id}`, { poll: { interval_ms: 600 } });
    expect([patched.status, patched.worker.generation]).toEqual([200, 2]);
    const { poll } = patched.worker as unknown as { poll: object };
    const put = await call(service, 'PUT', '', {
      ...worker,
      header: {},
      poll: { ...poll, interval_ms: 700 },
    });
    expect([put.status, put.worker.generation]).toEqual([200, 3]);
    const again = await call(service, 'PUT', '', {
      ...worker,
      poll: { ...(worker['poll'] as object), interval_ms: 700 },
    });
    expect([again.status, again.worker.generation]).toEqual([200, 3]);
    await finished(worker.model_name);
    expect(upstream.requests.find(({ url }) => url.startsWith('/tasks'))?.headers['x-step-key']).toBe(
      STEP_KEY,
    );
  });

  it('are replaced and removed by a change that names them', async () => {
    const upstream = await upstreamForTest(vendor);
    const worker = aPollWorker(upstream);
    const { id } = (await call(service, 'POST', '', worker)).worker;
    await call(service, 'PATCH', `/${id}`, {
      poll: { status: { header: { 'X-Step-Key': 'sk-new-of-a-step' } } },
    });
    await finished(worker.model_name);
    expect(upstream.requests.find(({ url }) => url.startsWith('/tasks'))?.headers['x-step-key']).toBe(
      'sk-new-of-a-step',
    );
    const removed = await call(service, 'PATCH', `/${id}`, {
      poll: { status: { header: { 'X-Step-Key': null } } },
    });
    expect(removed.worker).toMatchObject({ poll: { status: { header: { accept: 'application/json' } } } });
    const unknown = await call(service, 'PATCH', `/${id}`, {
      poll: { status: { header: { 'X-Step-Key': '<sealed>' } } },
    });
    expect([unknown.status, fieldsOf(unknown)]).toEqual([
      400,
      [
        'poll.status.header.X-Step-Key: "<sealed>" keeps a stored value, and none is stored: give the value itself',
      ],
    ]);
  });

  it('are never sent to further origins without being given anew', async () => {
    const upstream = await upstreamForTest(vendor);
    const worker = aPollWorker(upstream);
    const { id } = (await call(service, 'POST', '', worker)).worker;
    const origins = ['http://127.0.0.1:9'];
    const moved = await call(service, 'PATCH', `/${id}`, { poll: { origins } });
    const stored = `is stored for ${upstream.url} and is not sent to ${upstream.url}, http://127.0.0.1:9: give the value again, or null to remove it`;
    expect([moved.status, fieldsOf(moved)]).toEqual([
      400,
      [`header.authorization: ${stored}`, `poll.status.header.X-Step-Key: ${stored}`],
    ]);
    const given = await call(service, 'PATCH', `/${id}`, {
      header: { authorization: `Bearer ${KEY}` },
      poll: { origins, status: { header: { 'X-Step-Key': STEP_KEY } } },
    });
    expect([given.status, given.worker.generation]).toEqual([200, 2]);
    await finished(worker.model_name);
    expect(upstream.requests.find(({ url }) => url.startsWith('/tasks'))?.headers['x-step-key']).toBe(
      STEP_KEY,
    );
  });

  it('are not sent once an origin was added in SQL', async () => {
    const upstream = await upstreamForTest(vendor);
    const worker = aPollWorker(upstream);
    await call(service, 'POST', '', worker);
    await service.database.query(
      `UPDATE worker SET poll = jsonb_set(poll::jsonb, '{origins}', '["http://127.0.0.1:9"]')::json WHERE model_name = $1`,
      [worker.model_name],
    );
    await expect
      .poll(async () => (await viewsOf(service, worker.model_name))[0]?.health_reason, SOON)
      .toContain('credentials missing');
  });

  it('are bound to origins that the guard allows', async () => {
    const upstream = await upstreamForTest(vendor);
    const refused = await service.register(
      aPollWorker(upstream, { origins: ['http://169.254.169.254', 'http://x y'] }),
    );
    expect([refused.status, fieldsOf(refused)]).toEqual([
      400,
      [
        'poll.origins[1]: must be an origin, such as https://api.example.com',
        expect.stringMatching(/^poll\.origins\[0\]: .*169\.254\.169\.254/),
      ],
    ]);
  });
});
