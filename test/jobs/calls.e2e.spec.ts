import { describe, expect, it } from 'vitest';
import { json, slow } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { serviceForTest, type TestService } from '../service.js';
import { until } from '../until.js';

interface View {
  readonly id: string;
  readonly status: string;
  readonly note: string;
  readonly worker_id: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly result: { readonly files: readonly { readonly url: string }[] } | null;
}

const QUICK = {
  tuning: { jobs: { renewMs: 100, unknownMs: 1_000, askPauseMs: 500, idleMs: 200, waitedMs: 200 } },
};
const viewOf = async (service: TestService, id: string): Promise<View> =>
  (await service.get(`/api/v1/jobs/${id}`)).json as View;
const hasEnded = ({ status }: View): boolean => ['succeeded', 'failed', 'cancelled'].includes(status);

async function made(service: TestService, model: string): Promise<string> {
  const { status, json: body } = await service.post('/api/v1/jobs', { model, prompt: 'a cat' });
  expect(status).toBe(202);
  return (body as View).id;
}

async function ended(service: TestService, id: string): Promise<View> {
  await until(async () => hasEnded(await viewOf(service, id)));
  return viewOf(service, id);
}

describe('a job of a model whose workers have no poll', () => {
  it('is one call, on a lease that is renewed while it runs, and its answer is the file', async () => {
    const service = await serviceForTest(QUICK);
    let answer = (): void => {};
    const upstream = await upstreamForTest((response, request) => {
      answer = () => json({ answer: 'the answer' })(response, request);
    });
    const worker = aWorker(upstream);
    await service.register(worker);
    const id = await made(service, worker.model_name);
    await until(() => upstream.calls === 1);
    const ends = new Set<number>();
    await until(async () => {
      const [row] = await service.database.query<{ lease_until: Date }>('SELECT lease_until FROM job');
      return ends.add(Number(row?.lease_until)).size === 4;
    });
    expect([...ends]).toEqual([...ends].toSorted((one, other) => one - other));
    expect((await viewOf(service, id)).status).toBe('running');
    answer();
    const done = await ended(service, id);
    expect(done).toMatchObject({ status: 'succeeded', error: null });
    expect(done.worker_id).not.toBe(null);
    expect((await service.get(done.result?.files[0]?.url ?? '')).text).toBe('the answer');
    expect(upstream.calls).toBe(1);
  });

  it('has the class of the call that made it', async () => {
    const service = await serviceForTest(QUICK);
    const worker = aWorker(await upstreamForTest('hangs'));
    await service.register(worker);
    const { model_name: model } = worker;
    const post = (path: string, more: object, headers: Record<string, string>) =>
      service.post(path, { model, ...more }, headers);
    const classOf = (answer: { readonly headers: Headers }) => answer.headers.get('x-mmm-priority');
    const job = await post('/api/v1/jobs', { prompt: 'a cat' }, { 'x-mmm-priority': 'interactive' });
    expect([job.status, job.json]).toEqual([202, expect.objectContaining({ priority: 'interactive' })]);
    expect(classOf(job)).toBe('interactive');
    const read = await service.get(job.headers.get('location') ?? '');
    expect([read.status, classOf(read)]).toEqual([200, 'interactive']);
    const chat = { messages: [{ role: 'user', content: 'hi' }], service_tier: 'flex' };
    const call = await post('/v1/chat/completions', chat, { prefer: 'respond-async' });
    expect([call.status, call.json]).toEqual([202, expect.objectContaining({ priority: 'bulk' })]);
    expect(classOf(call)).toBe('bulk');
    // A repetition has the class of the job that there is.
    const body = { messages: chat.messages };
    const plain = { 'idempotency-key': 'two', prefer: 'respond-async' };
    const [one, two] = [
      await post('/v1/chat/completions', body, { ...plain, 'x-mmm-priority': 'interactive' }),
      await post('/v1/chat/completions', body, plain),
    ];
    expect([one, two].map(classOf)).toEqual(['interactive', 'interactive']);
    const { status } = await post('/api/v1/jobs', { prompt: 'a cat' }, { 'x-mmm-priority': 'urgent' });
    expect(status).toBe(400);
  });

  it('aborts the call when it is cancelled', async () => {
    const service = await serviceForTest(QUICK);
    const upstream = await upstreamForTest('hangs');
    const worker = aWorker(upstream);
    await service.register(worker);
    const id = await made(service, worker.model_name);
    await until(() => upstream.calls === 1);
    await service.database.query('UPDATE job SET cancel_wanted = true');
    expect(await ended(service, id)).toMatchObject({ status: 'cancelled' });
    await until(() => upstream.aborted === 1);
  });

  it('waits for a free worker, and fails with the words of one that fails', async () => {
    const service = await serviceForTest({
      ...QUICK,
      BALANCING_QUEUE_WAIT_MS: '100',
      BALANCING_RETRIES: '0',
    });
    const upstream = await upstreamForTest(slow(700, json({ answer: 'fine' })));
    const worker = aWorker(upstream, { max_concurrency: 1 });
    await service.register(worker);
    const ids = [await made(service, worker.model_name), await made(service, worker.model_name)];
    for (const id of ids) expect(await ended(service, id)).toMatchObject({ status: 'succeeded' });
    upstream.behave((response) => response.writeHead(400).end('{"error": "no such style"}'));
    const failed = await ended(service, await made(service, worker.model_name));
    expect(failed.error?.code).toBe('submit_refused');
  });

  it('fails as possibly submitted when its replica is killed', async () => {
    const service = await serviceForTest(QUICK);
    const upstream = await upstreamForTest();
    const worker = aWorker(upstream);
    await service.register(worker);
    // As a killed replica leaves it.
    const [row] = await service.database.query<{ id: string }>(
      `INSERT INTO job (id, model_name, kind, mode, state, request, submits, queue_until, lease_owner, lease_until)
       VALUES (gen_random_uuid(), $1, 'text', 'call', 'submitting', '{"prompt": "x", "messages": []}', 1, now() + interval '1 hour', gen_random_uuid(), now())
       RETURNING id`,
      [worker.model_name],
    );
    const job = await ended(service, row?.id ?? '');
    expect(job.error).toMatchObject({ code: 'submit_unknown' });
    expect(upstream.calls).toBe(0);
  });
});

describe('the figures of jobs', () => {
  it('count jobs by their state and by their end', async () => {
    const service = await serviceForTest(QUICK);
    const upstream = await upstreamForTest(json({ answer: 'fine' }));
    const worker = aWorker(upstream);
    await service.register(worker);
    await ended(service, await made(service, worker.model_name));
    const lines = async () => (await service.get('/metrics')).text.split('\n');
    // Counted just after the end is in the table.
    await expect
      .poll(lines)
      .toContain(`mmm_jobs_ended_total{model="${worker.model_name}",outcome="succeeded"} 1`);
    await expect.poll(lines).toContain(`mmm_job_queue_seconds_count{model="${worker.model_name}"} 1`);
    await service.database.query(
      `INSERT INTO job (id, model_name, kind, state, request, queue_until, due_at) VALUES (gen_random_uuid(), $1, 'video', 'queued', '{}', now() + interval '1 hour', now() + interval '1 hour')`,
      [worker.model_name],
    );
    await expect.poll(lines).toContain(`mmm_jobs{model="${worker.model_name}",state="queued"} 1`);
  });
});
