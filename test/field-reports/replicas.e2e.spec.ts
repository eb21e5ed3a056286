import { Transform } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { migrate } from '../../src/database/migrate.js';
import { databaseForTest } from '../database.js';
import { serverOf, urlThrough } from '../database-behind-proxy.js';
import { json } from '../fakes/fake-upstream.js';
import { TcpProxy } from '../fakes/tcp-proxy.js';
import { aWorker, keyOf, upstreamForTest } from '../fixtures/worker.js';
import { seededRandom } from '../seeded-random.js';
import { serviceForTest } from '../service.js';
import { until } from '../until.js';

const fine = json({ answer: 'fine' });
/** How every answer of PostgreSQL to a query ends, less its last byte. https://www.postgresql.org/docs/current/protocol-message-formats.html */
const READY_FOR_QUERY = 'Z\0\0\0\x05';

describe('replicas ("disagree for minutes": bifrost 2361 and 3547, litellm 22190 and 37188)', () => {
  it('agree within seconds after a storm of changes on all of them and in psql', async () => {
    const random = seededRandom(7);
    const database = await databaseForTest();
    const replicas = await Promise.all([1, 2, 3].map(() => serviceForTest({}, database)));
    const upstream = await upstreamForTest(fine);
    const workers = Array.from({ length: 12 }, () => aWorker(upstream));
    const change = async (): Promise<void> => {
      const worker = workers[Math.floor(random() * workers.length)];
      const replica = replicas[Math.floor(random() * replicas.length)];
      const way = random();
      if (worker === undefined || replica === undefined) return;
      if (way < 0.5) await replica.register(worker);
      else if (way < 0.75) await replica.post('/api/server/offline', keyOf(worker));
      else if (way < 0.9) {
        await database.query(
          `UPDATE worker SET admin_state = CASE admin_state WHEN 'enabled' THEN 'disabled' ELSE 'enabled' END WHERE model_name = $1`,
          [worker.model_name],
        );
      } else {
        await database.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'mmm % listen %'
             AND datname = current_database()`,
        );
      }
    };
    for (let storm = 0; storm < 15; storm++) await Promise.all([change(), change(), change(), change()]);

    const rows = await database.query<{ model_name: string; admin_state: string }>(
      'SELECT model_name, admin_state FROM worker',
    );
    const states = new Map(rows.map(({ model_name, admin_state }) => [model_name, admin_state]));
    for (const { model_name } of workers) {
      const wanted = { enabled: 200, disabled: 503 }[states.get(model_name) ?? ''] ?? 404;
      for (const replica of replicas) {
        await until(async () => (await replica.chat(model_name, 'hi')).status === wanted);
      }
    }
    expect(new Set(states.values()).size).toBeGreaterThan(1);
  });
});

describe('the database ("is on the request path": litellm 18708 and 8498)', () => {
  it('receives nothing from 200 chats', async () => {
    const database = await databaseForTest();
    let answered = 0;
    const counted = () =>
      new Transform({
        transform(chunk: Buffer, _encoding, done) {
          answered += chunk.toString('latin1').split(READY_FOR_QUERY).length - 1;
          done(null, chunk);
        },
      });
    const proxy = new TcpProxy(serverOf(database.address), counted);
    await proxy.open();
    onTestFinished(() => proxy.cut());
    // Background work is rare.
    const service = await serviceForTest(
      {
        HEALTH_INTERVAL_MS: '60000',
        tuning: { health: { tickMs: 60_000 }, registry: { resyncMs: 3_600_000 } },
      },
      { ...database, address: { url: urlThrough(proxy, database.address) } },
    );
    const worker = aWorker(await upstreamForTest(fine));
    await service.register(worker);
    expect((await service.chat(worker.model_name, 'hi')).status).toBe(200);
    const before = answered;
    const chat = async (): Promise<void> => {
      for (let n = 0; n < 20; n++) expect((await service.chat(worker.model_name, 'hi')).status).toBe(200);
    };
    await Promise.all(Array.from({ length: 10 }, chat));
    // What the replica sends by itself, a heartbeat every 5 s and every 1.5 s what was used, are about two queries a second:
    // less than that even if the chats take half a minute.
    expect(answered - before).toBeLessThan(100);
    const chatted = answered;
    await service.get('/api/v1/workers');
    expect(answered).toBeGreaterThan(chatted);
  });
});

describe('a failed migration ("is recorded as applied; replicas race": litellm 14596)', () => {
  it('fails on all four replicas that start together and is not recorded; afterwards one of them migrates', async () => {
    const database = await databaseForTest(null);
    await database.query('CREATE VIEW worker_event AS SELECT 1');
    const failed = await Promise.allSettled([1, 2, 3, 4].map(() => migrate(database.address, 'public')));
    expect(failed.map(({ status }) => status)).toEqual(Array.from({ length: 4 }, () => 'rejected'));
    expect(await database.query('SELECT FROM migration')).toEqual([]);
    await database.query('DROP VIEW worker_event');
    const ran = await Promise.all([1, 2, 3, 4].map(() => migrate(database.address, 'public')));
    expect(ran.filter((names) => names.length > 0)).toHaveLength(1);
    expect(await database.query('SELECT FROM migration')).toHaveLength(ran.flat().length);
  });
});
