import pg from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { pgOptions } from '../../src/database/data-source.js';
import { Retention } from '../../src/registry/retention.js';
import { databaseForTest } from '../database.js';
import { json } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { startService } from '../service.js';
import { until } from '../until.js';

it('answers 503 with Retry-After when a statement has to give way to a lock, and is not called disconnected', async () => {
  const database = await databaseForTest();
  await database.query(
    `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET lock_timeout = ''200ms''', current_database()); END $$`,
  );
  const service = await startService({}, database);
  onTestFinished(() => service.stop());
  const upstream = await upstreamForTest(json({ answer: 'fine' }));
  const dba = new pg.Client(pgOptions(database.address));
  await dba.connect();
  onTestFinished(() => dba.end());
  await dba.query('BEGIN; LOCK TABLE worker IN ACCESS EXCLUSIVE MODE');

  const { status, headers, json: answer } = await service.register(aWorker(upstream));
  expect([status, headers.get('retry-after')]).toEqual([503, '5']);
  expect(JSON.stringify(answer)).toContain('the registry database is busy with another change');
  expect((await service.get('/health')).json).toMatchObject({ database: 'connected' });

  await dba.query('ROLLBACK');
  expect((await service.register(aWorker(upstream))).status).toBe(200);
});

it('says once which session holds the lock that the registry and the keys wait for, and says so again of the next', async () => {
  const database = await databaseForTest();
  const service = await startService({ tuning: { registry: { resyncMs: 100 } } }, database);
  onTestFinished(() => service.stop());
  const dba = new pg.Client({ ...pgOptions(database.address), application_name: 'psql' });
  await dba.connect();
  onTestFinished(() => dba.end());
  const waits = () =>
    service.log.map(({ msg }) => String(msg)).filter((line) => line.includes('waiting for'));
  for (const [table, what] of [
    ['worker', 'the registry is not read'],
    ['team', 'the keys are not read'],
  ]) {
    await dba.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
    await until(() => waits().at(-1)?.startsWith(`${what}: `) === true);
    expect(waits().at(-1)).toMatch(
      new RegExp(
        `waiting for AccessShareLock on ${table}, held by pid \\d+ \\(psql of \\w+, idle in transaction, query started 20\\S+Z\\)$`,
      ),
    );
    await dba.query('COMMIT');
  }
  expect(waits()).toHaveLength(2);
});

it('deletes old events in slices, until none is left', async () => {
  const database = await databaseForTest();
  const service = await startService({}, database);
  onTestFinished(() => service.stop());
  await database.query(`INSERT INTO event (subject_id, subject_name, req_url_template, kind, actor, generation, at)
    SELECT gen_random_uuid(), 'm', 'http://x', 'registered', 'test', 1, now() - CASE WHEN n > 5 THEN interval '1 year' ELSE interval '1 day' END
    FROM generate_series(1, 25000) n`);
  await service.app.get(Retention).purge();
  expect(await database.query('SELECT count(*)::integer AS n FROM event')).toEqual([{ n: 5 }]);
});

it('compares every column of a definition, the newest included', async () => {
  const database = await databaseForTest();
  const [row] = await database.query<{ source: string; columns: string[] }>(
    `SELECT prosrc AS source, (SELECT array_agg(attname::text) FROM pg_attribute WHERE attrelid = 'worker'::regclass AND attnum > 0
       AND NOT attisdropped) AS columns FROM pg_proc WHERE proname = 'worker_changes'`,
  );
  const kept = [
    'id',
    'admin_state',
    'admin_state_since',
    'admin_state_by',
    'health',
    'health_reason',
    'health_since',
  ];
  const rest = [...kept, 'generation', 'created_at', 'updated_at'];
  for (const column of row?.columns ?? [])
    expect([column, row?.source.includes(`'${column}'`)]).toEqual([column, !rest.includes(column)]);
});
