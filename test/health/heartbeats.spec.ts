import { describe, expect, it } from 'vitest';
import { databaseForTest } from '../database.js';
import { serviceForTest, type TestService } from '../service.js';
import { until } from '../until.js';
import {
  anUpstream,
  countNotifications,
  foundWell,
  insertWorker,
  rowOf,
  someLeases,
  startChecker,
  untilHealthIs,
} from './checker.js';

const TTL_S = 1;

const beat = (service: TestService, model: string, url: string, name?: string) =>
  service.post('/api/server/heartbeat', { model_name: model, req_url_template: url, name });

const worker = (url: string, more: object = {}) => ({
  model_name: 'm',
  req_url_template: url,
  body: { q: '{USER_PROMPT}' },
  ...more,
});

describe('POST /api/server/heartbeat', () => {
  it('renews workers that promised heartbeats, and reports the reason for all others', async () => {
    const service = await serviceForTest();
    const upstream = await anUpstream();
    const [promising, silent, off] = ['a', 'b', 'c'].map((path) => `${upstream.url}/${path}`);
    if (promising === undefined || silent === undefined || off === undefined) throw new Error('three');
    await service.register(worker(promising, { heartbeat_ttl_s: 30 }));
    await service.register(worker(silent));
    await service.register(worker(off, { heartbeat_ttl_s: 30 }));
    await service.post('/api/server/offline', { model_name: 'm', req_url_template: off });

    const renewed = await beat(service, 'm', promising);
    expect([renewed.status, renewed.json]).toEqual([
      200,
      { success: true, msg: `heartbeat of llm worker(model_name=m, url=${promising}) received` },
    ]);
    const unknown = await beat(service, 'm', `${upstream.url}/d`);
    expect([unknown.status, unknown.json]).toEqual([404, { success: false, msg: 'No llm worker to renew.' }]);
    expect((await beat(service, 'm', promising, 'another')).status).toBe(404);
    const unpromised = await beat(service, 'm', silent);
    expect(unpromised.status).toBe(400);
    expect(unpromised.json).toMatchObject({ success: false, details: [{ field: 'heartbeat_ttl_s' }] });
    const late = await beat(service, 'm', off);
    expect(late.status).toBe(409);
    expect(late.json).toMatchObject({ success: false, msg: expect.stringContaining('register it again') });
    expect((await service.post('/api/server/heartbeat', { model_name: 'm' })).status).toBe(400);
    const beats = await service.database.query<{ url: string }>(
      `SELECT w.req_url_template AS url FROM worker w JOIN worker_probe p ON p.worker_id = w.id WHERE heartbeat_at IS NOT NULL`,
    );
    expect(beats).toEqual([{ url: promising }]);
  });

  it('neither enables a disabled worker nor reports it as gone', async () => {
    const service = await serviceForTest();
    const upstream = await anUpstream();
    const url = `${upstream.url}/x`;
    await service.register(worker(url, { heartbeat_ttl_s: 30 }));
    await service.database.query(`UPDATE worker SET admin_state = 'disabled'`);
    expect((await beat(service, 'm', url)).status).toBe(200);
    expect(await service.database.query('SELECT admin_state FROM worker')).toEqual([
      { admin_state: 'disabled' },
    ]);
  });

  it('causes no notification', async () => {
    const service = await serviceForTest();
    const upstream = await anUpstream();
    const url = `${upstream.url}/x`;
    await service.register(worker(url, { heartbeat_ttl_s: 30 }));
    await until(
      async () => (await service.database.query(`SELECT FROM worker WHERE health = 'healthy'`)).length === 1,
    );
    const notified = await countNotifications(service.database);
    for (let n = 0; n < 20; n++) await beat(service, 'm', url);
    expect(notified()).toBe(0);
  });

  it('that is late does not enable the worker again: it went offline and has to register anew', async () => {
    const service = await serviceForTest();
    const upstream = await anUpstream();
    const url = `${upstream.url}/x`;
    await service.register(worker(url, { heartbeat_ttl_s: TTL_S }));
    await upstream.kill();
    await until(
      async () =>
        (await service.database.query(`SELECT FROM worker WHERE admin_state = 'offline'`)).length === 1,
    );
    const [row] = await service.database.query('SELECT admin_state_by, health FROM worker');
    expect(row).toEqual({ admin_state_by: 'heartbeat expired', health: 'unhealthy' });
    expect((await beat(service, 'm', url)).status).toBe(409);
    expect(await service.database.query('SELECT admin_state FROM worker')).toEqual([
      { admin_state: 'offline' },
    ]);
    await upstream.revive();
    expect((await service.register(worker(url, { heartbeat_ttl_s: TTL_S }))).status).toBe(200);
    expect((await beat(service, 'm', url)).status).toBe(200);
  });
});

describe('a worker that promised heartbeats', () => {
  it('is suspect after three missed ones although its probes succeed, until the next one arrives', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream();
    const id = await insertWorker(database, `${upstream.url}/x`, null, { ttlS: TTL_S });
    await startChecker(database, { intervalMs: 300 });
    await untilHealthIs(database, id, 'healthy');
    await untilHealthIs(database, id, 'suspect');
    const [late] = await database.query<{ s: number }>(
      'SELECT extract(epoch FROM health_since - created_at)::float8 AS s FROM worker',
    );
    expect(late?.s).toBeGreaterThanOrEqual(3 * TTL_S);
    const row = await rowOf(database, id);
    expect(row).toMatchObject({ last_ok: true, admin_state: 'enabled' });
    expect(row.health_reason).toMatch(/^no heartbeat for three times heartbeat_ttl_s/);
    await database.query('UPDATE worker_probe SET heartbeat_at = now()');
    await untilHealthIs(database, id, 'healthy');
  });

  it('is unhealthy, but not gone, if it sends them while its probes fail', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream();
    const id = await insertWorker(database, `${upstream.url}/x`, null, { ttlS: TTL_S });
    await upstream.kill();
    await startChecker(database);
    const endMs = performance.now() + 4_000;
    await until(async () => {
      await database.query('UPDATE worker_probe SET heartbeat_at = now()');
      return performance.now() > endMs && (await rowOf(database, id)).health === 'unhealthy';
    });
    expect(await rowOf(database, id)).toMatchObject({ health: 'unhealthy', admin_state: 'enabled' });
  });

  it('is not taken offline if a heartbeat arrives during the evaluation', async () => {
    const database = await databaseForTest();
    const id = await insertWorker(database, 'http://127.0.0.1:9/', null, { ttlS: TTL_S });
    const expire = async (between: () => Promise<unknown>) => {
      const leases = await someLeases(database, 60_000);
      leases.forgiveHeartbeatsUntil(performance.now() - 3_600_000);
      await database.query(
        `UPDATE worker_probe SET heartbeat_at = now() - interval '1 hour', next_probe_at = now(), lease_owner = NULL, lease_until = NULL`,
      );
      const [claim] = await leases.claimDue(1);
      if (claim === undefined) throw new Error('not claimed');
      expect(claim.hasMissedHeartbeats).toBe(true);
      await between();
      const result = foundWell(claim);
      const after = { ...result.after, health: 'unhealthy' } as const;
      expect(await leases.record([{ ...result, after, isExpired: true }])).toHaveLength(1);
      return (await rowOf(database, id)).admin_state;
    };
    expect(await expire(() => database.query('UPDATE worker_probe SET heartbeat_at = now()'))).toBe(
      'enabled',
    );
    expect(await expire(() => Promise.resolve())).toBe('offline');
  });

  it('misses none while no replica can receive them', async () => {
    const database = await databaseForTest();
    await insertWorker(database, 'http://127.0.0.1:9/', null, { ttlS: TTL_S });
    await database.query(`UPDATE worker_probe SET heartbeat_at = now() - interval '1 hour'`);
    const leases = await someLeases(database, 1);
    const [justStarted] = await leases.claimDue(1);
    expect(justStarted?.hasMissedHeartbeats).toBe(false);
    leases.forgiveHeartbeatsUntil(performance.now() - 3_600_000);
    await until(async () => (await leases.claimDue(1))[0]?.hasMissedHeartbeats === true);
  });
});
