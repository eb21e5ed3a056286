import { describe, expect, it } from 'vitest';
import { aWorker } from '../fixtures/worker.js';
import { serviceForTest, type TestService } from '../service.js';
import { until } from '../until.js';
import { anUpstream } from './checker.js';

/** So rare that every probe seen here was requested. */
const SELDOM = { HEALTH_INTERVAL_MS: '3600000', tuning: { health: { downIntervalMs: 3_600_000 } } };

async function registered(service: TestService, url: string, more: Record<string, unknown> = {}) {
  const worker = aWorker({ url }, more);
  await service.register(worker);
  const find = async () => {
    const [row] = await service.database.query<{ id: string; health: string; n: number }>(
      `SELECT w.id, w.health, p.successes_in_row + p.failures_in_row AS n FROM worker w JOIN worker_probe p ON p.worker_id = w.id
       WHERE model_name = $1`,
      [worker.model_name],
    );
    if (row === undefined) throw new Error('not registered');
    return row;
  };
  return { find, id: (await find()).id };
}

const probe = (service: TestService, id: string) => service.post(`/api/v1/workers/${id}/probe`, {});

describe('POST /api/v1/workers/{id}/probe', () => {
  it('probes at once, shows the result and counts it', async () => {
    const service = await serviceForTest(SELDOM);
    const upstream = await anUpstream();
    const { id, find } = await registered(service, upstream.url);
    await until(async () => (await find()).health === 'healthy');
    const { status, json } = await probe(service, id);
    expect(status).toBe(200);
    expect(json).toMatchObject({
      id,
      health: 'healthy',
      in_flight: 0,
      probe: {
        ok: true,
        detail: expect.stringMatching(/^GET \/health answered 200/),
        ms: expect.any(Number),
      },
    });
    expect(upstream.probes).toBe(2);
    expect((await find()).n).toBe(2);

    await upstream.kill();
    await probe(service, id);
    await until(async () => (await find()).health === 'unhealthy');
    expect((await probe(service, id)).json).toMatchObject({
      health: 'unhealthy',
      probe: { ok: false, detail: `connection refused by 127.0.0.1:${upstream.port}` },
    });
  });

  it('probes even while another replica does, and leaves the evaluation to that replica', async () => {
    const service = await serviceForTest(SELDOM);
    const upstream = await anUpstream();
    const { id, find } = await registered(service, upstream.url);
    await until(async () => (await find()).health === 'healthy');
    await service.database.query(
      `UPDATE worker_probe SET lease_owner = 'another', lease_until = now() + interval '1 hour'`,
    );
    expect((await probe(service, id)).json).toMatchObject({ probe: { ok: true } });
    expect(upstream.probes).toBe(2);
    expect((await find()).n).toBe(1);
  });

  it.each(['disabled', 'offline'])('probes a worker that is %s without changing its state', async (state) => {
    const service = await serviceForTest(SELDOM);
    const upstream = await anUpstream();
    const { id, find } = await registered(service, upstream.url);
    await until(async () => (await find()).health === 'healthy');
    await service.database.query(`UPDATE worker SET admin_state = $1`, [state]);
    await upstream.kill();
    expect((await probe(service, id)).json).toMatchObject({
      admin_state: state,
      health: 'healthy',
      probe: { ok: false },
    });
    expect((await find()).n).toBe(1);
  });

  it('reports the problem of a definition that cannot be probed', async () => {
    const service = await serviceForTest(SELDOM);
    const upstream = await anUpstream();
    const { id } = await registered(service, upstream.url);
    await service.database.query(`UPDATE worker SET body = '{"no":"prompt"}'`);
    expect((await probe(service, id)).json).toMatchObject({
      probe: { ok: false, detail: expect.stringContaining('USER_PROMPT') },
    });
    expect(upstream.calls).toBe(0);
  });

  it.each(['6a0b1b0e-8b39-4c1c-9a51-2f3b3f4c5d6e', 'nonsense'])(
    'answers 404 for an unknown worker: %s',
    async (id) => {
      const service = await serviceForTest(SELDOM);
      const { status, json } = await probe(service, id);
      expect(status).toBe(404);
      expect(json).toMatchObject({ error: { type: 'invalid_request_error', message: expect.any(String) } });
    },
  );
});
