import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OverviewDto } from '../../src/overview/overview.dto.js';
import { LiveWorkers } from '../../src/registry/live/live-workers.js';
import type { WholeWorkerDto, WorkerPageDto } from '../../src/registry/worker-answers.dto.js';
import { createDatabase, type TestDatabase } from '../database.js';
import { json, slow } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest, viewsOf } from '../fixtures/worker.js';
import { startService, type TestService } from '../service.js';
import { until, within } from '../until.js';
import { followStream } from './event-stream.js';

let database: TestDatabase;
let [one, other]: TestService[] = [];
beforeAll(async () => {
  database = await createDatabase();
  one = await startService({}, database);
  other = await startService({}, database);
});
afterAll(async () => {
  await Promise.all([one?.stop(), other?.stop()]);
  await database.drop();
});

const services = () => {
  if (one === undefined || other === undefined) throw new Error('the services do not run');
  return [one, other] as const;
};

async function overviewAt(service: TestService): Promise<OverviewDto> {
  const { status, json: body } = await service.get('/api/v1/overview');
  expect(status).toBe(200);
  return body as OverviewDto;
}

/** Without probes, so that all effects come from requests. */
async function register(url: string, more: Readonly<Record<string, unknown>> = {}) {
  const worker = aWorker({ url }, { health_check: { kind: 'none' }, ...more });
  const [first, second] = services();
  expect((await first.register(worker)).status).toBe(200);
  const views = await viewsOf(first, worker.model_name);
  const id = views.at(-1)?.id ?? '';
  // Until then, the other replica would not send it requests.
  await until(() => second.app.get(LiveWorkers).worker(id) !== undefined);
  return { model: worker.model_name, id };
}

const stream = async (service: TestService, model: string) => {
  const body = { model, messages: [{ role: 'user', content: 'x' }], stream: true };
  expect((await service.post('/v1/chat/completions', body)).status).toBe(200);
};

describe('the overview', () => {
  it('sums what all replicas did in the last minute, and the figures of a worker in the last hour', async () => {
    const [first, second] = services();
    const good = await upstreamForTest(json({ answer: 'fine' }));
    const bad = await upstreamForTest(json({ error: 'broken' }, 500));
    const { model, id } = await register(good.url, { priority: 1 });
    const { id: badId } = await register(bad.url, { model_name: model, priority: 0 });
    const before = await overviewAt(first);
    await stream(first, model);
    await second.chat(model, 'hello');
    const alone = await register(bad.url);
    await second.chat(alone.model, 'hello');
    const solo = await register(good.url);
    await stream(first, solo.model);

    for (const service of services())
      await expect
        .poll(async () => (await overviewAt(service)).minute.requests, within(6_000))
        .toBe(before.minute.requests + 4);
    const { minute, hour, replicas, workers, taking, may_run, registry_age_s } = await overviewAt(second);
    expect(minute).toMatchObject({
      failed: before.minute.failed + 1,
      saved_by_retry: before.minute.saved_by_retry + 2,
    });
    expect(minute.ttft_p50_ms).toBeGreaterThan(0);
    expect([hour.requests.length, hour.requests.at(-1), hour.failed.at(-1)]).toEqual([
      60,
      minute.requests,
      minute.failed,
    ]);
    expect(replicas).toHaveLength(2);
    expect(workers['healthy']).toBeGreaterThanOrEqual(3);
    expect([taking > 0, may_run >= taking, Number(registry_age_s) < 60]).toEqual([true, true, true]);

    const figuresOf = async (worker: string, of = model) => {
      const { json: page } = await first.get(`/api/v1/workers?include=figures&model_name=${of}`);
      return (page as WorkerPageDto).data.find(({ id: each }) => each === worker)?.figures;
    };
    await expect.poll(() => figuresOf(id), within(6_000)).toMatchObject({ requests_1h: 2, share_1h: 0.5 });
    expect(await figuresOf(id)).toMatchObject({ running: 0, failed_1h: 0, ttft_p50_ms: null });
    await expect
      .poll(() => figuresOf(solo.id, solo.model), within(6_000))
      .toMatchObject({ share_1h: 1, ttft_p50_ms: expect.any(Number) });
    expect(await figuresOf(badId)).toMatchObject({ requests_1h: 2, failed_1h: 2, ttft_p50_ms: null });
  });

  it('shows what runs and waits at another replica within two seconds, and is a part of the stream of changes', async () => {
    const [first, second] = services();
    let answer = (): void => {};
    const isTime = new Promise<void>((resolve) => (answer = resolve));
    const late = json({ answer: 'late' });
    const upstream = await upstreamForTest((...call) => void isTime.then(() => late(...call)));
    const { model, id } = await register(upstream.url, { max_concurrency: 2 });
    const running = Array.from({ length: 3 }, () => second.chat(model, 'hello'));
    const { events } = await followStream(`${first.url}/api/v1/changes`);
    await expect
      .poll(() => events.filter(({ event }) => event === 'overview').at(-1)?.data, within(8_000))
      .toMatchObject({ running: 2, waiting: { total: 1, by_model: { [model]: 1 } } });
    const { json: worker } = await first.get(`/api/v1/workers/${id}`);
    expect(worker).toMatchObject({ figures: { running: 2, requests_1h: 0, share_1h: null } });
    expect(
      (worker as WholeWorkerDto).replicas.map(({ running: each }) => each).toSorted((a, b) => a - b),
    ).toEqual([0, 2]);
    const overview = await overviewAt(second);
    expect(overview.waiting.oldest_ms).toBeGreaterThan(0);
    answer();
    for (const request of running) expect((await request).status).toBe(200);
  });

  it('shows an ejection at one replica at all of them, and announces it', async () => {
    const [first, second] = services();
    // So slow that it gets several requests before the first has failed.
    const bad = await upstreamForTest(slow(300, json({ error: 'broken' }, 500)));
    const good = await upstreamForTest(slow(300, json({ answer: 'fine' })));
    const { model, id } = await register(bad.url);
    await register(good.url, { model_name: model });
    const { events } = await followStream(`${first.url}/api/v1/changes`);
    await until(() => events.some(({ event }) => event === 'overview'));
    const ejectedBy = async () => {
      const { json: worker } = await first.get(`/api/v1/workers/${id}`);
      return (worker as WholeWorkerDto).figures.ejected?.by;
    };
    await until(async () => {
      await Promise.all(Array.from({ length: 12 }, () => second.chat(model, 'hello')));
      return (await ejectedBy()) === 1 && ((await overviewAt(first)).workers['ejected'] ?? 0) > 0;
    });
    await expect
      .poll(() => events, within(8_000))
      .toContainEqual(
        expect.objectContaining({ event: 'worker', data: expect.objectContaining({ id, generation: 1 }) }),
      );
  });

  it('has the minute and the workers of a replica that stopped, and nothing of workers without requests', async () => {
    const upstream = await upstreamForTest(json({ answer: 'fine' }));
    const third = await startService({}, database);
    const { model, id } = await register(upstream.url);
    const { id: idle } = await register(upstream.url);
    await until(() => third.app.get(LiveWorkers).worker(id) !== undefined);
    await third.chat(model, 'hello');
    await third.stop();
    const [row] = await database.query<{ requests: string }>(
      `SELECT sum(requests) AS requests FROM worker_traffic WHERE worker_id = $1`,
      [id],
    );
    expect(Number(row?.requests)).toBe(1);
    expect(await database.query('SELECT FROM worker_traffic WHERE worker_id = $1', [idle])).toEqual([]);
    // Each five minutes were written more than once.
    const sums = (table: string) =>
      `SELECT model_name, at, replica_id, sum(requests) AS requests FROM ${table} GROUP BY 1, 2, 3`;
    const differing = `SELECT * FROM (${sums('worker_traffic')}) AS w FULL JOIN (${sums('model_traffic')}) AS m USING (model_name, at, replica_id)`;
    expect(await database.query(`${differing} WHERE w.requests IS DISTINCT FROM m.requests`)).toEqual([]);
    const minutes = await database.query<{ requests: number }>(
      `SELECT m.requests FROM replica_minute m WHERE replica_id NOT IN (SELECT id FROM replica)`,
    );
    expect(minutes.reduce((sum, { requests }) => sum + requests, 0)).toBe(1);
  });
});
