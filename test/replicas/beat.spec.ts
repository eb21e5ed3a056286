import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pgOptions } from '../../src/database/data-source.js';
import { databaseForTest } from '../database.js';
import { json } from '../fakes/fake-upstream.js';
import { until } from '../until.js';
import { countOf, CountingUpstream, replicasForTest } from './replicas-for-test.js';

const QUICK = { tuning: { replicas: { heartbeatMs: 300 } } };

describe('a replica', () => {
  it('is known to the others, and counted out when it stops or falls silent', async () => {
    const database = await databaseForTest();
    const services = await replicasForTest(3, database, QUICK);
    const [first, second, third] = services;
    const hosts = await database.query('SELECT host FROM replica');
    expect(hosts).toHaveLength(3);
    await third?.stop();
    expect(await database.query('SELECT FROM replica')).toHaveLength(2);
    await until(() => countOf(first) === 2);
    await database.query(
      `INSERT INTO replica (id, host, seen_at) VALUES (gen_random_uuid(), 'silent', now() + interval '1 h')`,
    );
    if (second === undefined) throw new Error('a second');
    await until(() => countOf(first) === 3 && countOf(second) === 3);
    await database.query(`UPDATE replica SET seen_at = now() - interval '15 s' WHERE host = 'silent'`);
    await until(() => countOf(first) === 2 && countOf(second) === 2);
    const { text } = await first.get('/metrics');
    expect(text).toMatch(/^mmm_replicas 2$/m);
  });

  it('deletes rows of replicas that died long ago', async () => {
    const database = await databaseForTest();
    const [service] = await replicasForTest(1, database, QUICK);
    await database.query(`INSERT INTO replica (id, host, seen_at)
      VALUES (gen_random_uuid(), 'dead', now() - interval '61 min'), (gen_random_uuid(), 'dying', now() - interval '59 min')`);
    const { ReplicaHeartbeat } = await import('../../src/replicas/replica-heartbeat.js');
    await service.app.get(ReplicaHeartbeat).purge();
    expect(await database.query(`SELECT host FROM replica WHERE host LIKE 'd%'`)).toEqual([
      { host: 'dying' },
    ]);
  });

  it('records that a worker served as soon as no other session changes the same row', async () => {
    const database = await databaseForTest();
    const [service] = await replicasForTest(1, database, QUICK);
    const crowd = await CountingUpstream.of(1);
    await crowd.register(service, 64);
    const otherClient = new pg.Client(pgOptions(database.address));
    await otherClient.connect();
    onTestFinished(() => otherClient.end());
    await otherClient.query('BEGIN; SELECT FROM worker_probe FOR UPDATE');
    await service.chat('m', 'hi');
    const noted = async () =>
      (await database.query('SELECT FROM worker_probe WHERE last_served_at IS NOT NULL')).length;
    await new Promise((resolve) => setTimeout(resolve, 800));
    expect(await noted()).toBe(0);
    await otherClient.query('COMMIT');
    await until(async () => (await noted()) === 1);
  });

  it('records which workers served, some seconds later, without a notification', async () => {
    const database = await databaseForTest();
    const [service] = await replicasForTest(1, database, QUICK);
    const [serving, failing] = [await CountingUpstream.of(1), await CountingUpstream.of(1)];
    failing.upstream.behave(json({}, 500));
    await serving.register(service, 64, { model_name: 'serving' });
    await failing.register(service, 64, { model_name: 'failing' });
    for (const model of ['serving', 'failing']) await service.chat(model, 'hi');
    const served = () =>
      database.query<{ model_name: string; ago: number; version: string }>(
        `SELECT model_name, last_served_at::text AS version FROM worker JOIN worker_probe ON worker_id = id
         WHERE last_served_at IS NOT NULL`,
      );
    await until(async () => (await served()).length === 1);
    const [first] = await served();
    expect(first?.model_name).toBe('serving');
    await service.chat('serving', 'again');
    await new Promise((resolve) => setTimeout(resolve, 800));
    // Once in ten seconds is enough.
    expect(await served()).toEqual([first]);
    await database.query(`UPDATE worker_probe SET last_served_at = last_served_at - interval '11 s'`);
    await service.chat('serving', 'again');
    await until(async () => (await served())[0]?.version !== first?.version);
  });
});

describe('an ejected worker', () => {
  it.each([
    [
      'enabled again by hand',
      `UPDATE worker SET admin_state = 'disabled'; UPDATE worker SET admin_state = 'enabled'`,
    ],
    ['forgiven', 'UPDATE worker SET admin_state_since = now()'],
  ])('is used at once by every replica when it is %s', async (_how, sql) => {
    const database = await databaseForTest();
    // Ejected for ten minutes, so that no ejection ends by itself.
    const stats = { ejectionBaseMs: 600_000, ejectionMaxMs: 600_000 };
    const services = await replicasForTest(2, database, { tuning: { ...QUICK.tuning, stats } });
    const crowd = await CountingUpstream.of(1);
    await crowd.register(services[0], 64);
    await crowd.upstream.kill();
    // Three refused connections eject it.
    for (const service of services)
      await expect.poll(async () => (await service.chat('m', 'hi')).status).toBe(503);
    await crowd.upstream.revive();
    for (const one of sql.split(';')) await database.query(one);
    await until(async () => {
      const answers = await Promise.all(services.map((service) => service.chat('m', 'hi')));
      return answers.every(({ status }) => status === 200);
    });
  });
});
