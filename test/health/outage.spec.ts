import { describe, expect, it, onTestFinished } from 'vitest';
import { databaseForTest } from '../database.js';
import { text } from '../fakes/fake-upstream.js';
import { serviceForTest } from '../service.js';
import { until } from '../until.js';
import {
  anUpstream,
  aRoadTo,
  insertWorker,
  rowOf,
  startChecker,
  untilHealthIs,
  healthEventsOf,
} from './checker.js';
import { probedUpstreamForTest } from '../fakes/probed-upstream.js';

describe('while PostgreSQL is away', () => {
  it('a replica keeps probing its workers, announces nothing, and follows the table when it is back', async () => {
    const database = await databaseForTest();
    const [dying, steady] = await Promise.all([anUpstream(), anUpstream()]);
    const a = await insertWorker(database, `${dying.url}/x`);
    const b = await insertWorker(database, `${steady.url}/x`);
    const { address, proxy } = await aRoadTo(database.address);
    const { live, lines } = await startChecker(database, {}, address);
    await untilHealthIs(database, a, 'healthy');
    await untilHealthIs(database, b, 'healthy');
    await until(() => live.worker(a)?.health === 'healthy' && live.worker(b)?.health === 'healthy');

    await proxy.cut();
    await dying.kill();
    const probes = steady.probes;
    await until(() => live.worker(a)?.health === 'unhealthy');
    await until(() => steady.probes >= probes + 5);
    expect(live.worker(b)?.health).toBe('healthy');
    expect((await rowOf(database, a)).health).toBe('healthy');
    await dying.revive();
    await until(() => live.worker(a)?.health === 'warming');
    await until(() => live.worker(a)?.health === 'healthy');
    await dying.kill();
    await until(() => live.worker(a)?.health === 'unhealthy');
    await dying.revive();
    // Changes by operators in the meantime.
    await database.query(`UPDATE worker SET admin_state = 'disabled' WHERE id = $1`, [b]);

    await proxy.open();
    await until(() => live.worker(b)?.adminState === 'disabled');
    await until(() => live.worker(a)?.health === 'healthy');
    // The registry may be read before the next round of probes.
    await until(() => lines.some((line) => line.includes('by leases again')));
    expect(lines.filter((line) => line.includes('probing'))).toEqual([
      'warn probing from memory until the database is back',
      'log the database is back: probing by leases again',
    ]);
    expect(await healthEventsOf(database, a)).toEqual(['healthy']);
  });

  it('a replica marks no more workers unhealthy at once than otherwise', async () => {
    const database = await databaseForTest();
    const upstreams = await Promise.all(Array.from({ length: 4 }, () => anUpstream()));
    const ids = await Promise.all(upstreams.map(({ url }) => insertWorker(database, `${url}/x`)));
    const { address, proxy } = await aRoadTo(database.address);
    const { live } = await startChecker(database, { intervalMs: 3_000, downIntervalMs: 3_000 }, address);
    const healths = () => ids.map((id) => live.worker(id)?.health);
    await until(() => healths().every((health) => health === 'healthy'));
    await proxy.cut();
    await Promise.all(upstreams.map((upstream) => upstream.kill()));
    await until(() => healths().filter((health) => health === 'suspect').length === 3);
    expect(healths().filter((health) => health === 'unhealthy')).toHaveLength(1);
    await until(() => healths().every((health) => health === 'unhealthy'));
  });
});

describe('health is checked but routing does not listen:', () => {
  it('requests follow the probes, with and without PostgreSQL', async () => {
    const database = await databaseForTest();
    const { address, proxy } = await aRoadTo(database.address);
    const settings = { tuning: { health: { warmingMs: 200 } } };
    const service = await serviceForTest(settings, { ...database, address });
    onTestFinished(() => proxy.cut());
    const [moody, other] = [await probedUpstreamForTest(), await anUpstream(text('other'))];
    const shared = { model_name: 'm', body: { q: '{USER_PROMPT}' } };
    // Requests would never show it, because it answers them all.
    const check = { path: '/health', failures_down: 2 };
    await service.register({ ...shared, req_url_template: `${moody.url}/x`, health_check: check });
    await service.register({ ...shared, req_url_template: `${other.url}/x` });
    const callsOfMoody = async (chats: number) => {
      const before = moody.calls;
      for (let n = 0; n < chats; n++) expect((await service.chat('m', 'hi')).status).toBe(200);
      return moody.calls - before;
    };
    const isUsed = async () => (await callsOfMoody(4)) > 0;
    const isAvoided = async () => (await callsOfMoody(10)) === 0;
    await until(isUsed);
    moody.health = 500;
    await until(isAvoided);
    moody.health = 200;
    await until(isUsed);
    await proxy.cut();
    moody.health = 500;
    await until(isAvoided);
    moody.health = 200;
    await until(isUsed);
    await proxy.open();
    await until(async () => {
      const { json } = await service.get('/api/server/workers?detail=true');
      const { data = [] } = json as { data?: { health: string }[] };
      return data.length === 2 && data.every(({ health }) => health === 'healthy' || health === 'warming');
    });
  });
});

describe('everything is marked down at once by one bad check:', () => {
  it('successful requests keep their workers in use and keep succeeding', async () => {
    const service = await serviceForTest();
    const servers = await Promise.all([1, 2, 3, 4].map(() => probedUpstreamForTest()));
    for (const { url } of servers) {
      await service.register({ model_name: 'm', req_url_template: `${url}/x`, body: { q: '{USER_PROMPT}' } });
    }
    const healths = async () =>
      (await service.database.query<{ health: string }>('SELECT health FROM worker')).map(
        ({ health }) => health,
      );
    const chat = async () => expect((await service.chat('m', 'hi')).status).toBe(200);
    while (servers.some(({ calls }) => calls < 2)) await chat();
    for (const server of servers) server.health = 500;
    await until(async () => {
      await chat();
      return (await healths()).every((health) => health === 'suspect');
    });
    for (let n = 0; n < 40; n++) await chat();
    expect(await service.database.query(`SELECT FROM event WHERE kind = 'unhealthy'`)).toEqual([]);
    await until(async () => {
      const rows = await service.database.query('SELECT FROM worker_probe WHERE last_served_at IS NULL');
      return rows.length === 0;
    });
  });
});
