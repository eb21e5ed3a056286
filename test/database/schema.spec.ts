import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { dataSourceOptions } from '../../src/database/data-source.js';
import { describeSchema } from '../../src/database/describe-schema.js';
import {
  migrate,
  pendingSql,
  revertMigration,
  RowsWouldBeLostError,
  showMigrations,
} from '../../src/database/migrate.js';
import { asRole, databaseForTest, type TestDatabase } from '../database.js';

const NEVER = new AbortController().signal;

describe('the schema', () => {
  it('matches the entities: TypeORM finds nothing to change', async () => {
    const database = await databaseForTest();
    // Comments exist only in migrations and would count as changes here.
    await database.query(`DO $$ DECLARE c record; BEGIN
      FOR c IN SELECT attrelid::regclass AS relation, attname FROM pg_attribute JOIN pg_description ON objoid = attrelid AND objsubid = attnum
        WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r') AND attnum > 0
      LOOP EXECUTE format('COMMENT ON TABLE %s IS NULL', c.relation); EXECUTE format('COMMENT ON COLUMN %s.%I IS NULL', c.relation, c.attname); END LOOP; END $$`);
    const source = await new DataSource(dataSourceOptions(database.address, 'public', 2)).initialize();
    const drift = await source.driver.createSchemaBuilder().log();
    await source.destroy();
    expect(drift.upQueries.map(({ query }) => query)).toEqual([]);
  });

  it('matches migrations/schema.sql (npm run schema:write)', async () => {
    const database = await databaseForTest();
    const shown = await readFile('migrations/schema.sql', 'utf8');
    expect(await describeSchema(database.address, 'public')).toBe(shown);
  });

  it('shows nothing of a row with credentials or prompts that a constraint refuses', async () => {
    const database = await databaseForTest();
    const refusals = [
      [
        'worker',
        `(model_name, req_url_template, header, weight) VALUES ('m', 'http://u/', '{"Authorization": "Bearer sk-1"}', 0)`,
      ],
      ['worker', `(model_name, header) VALUES ('m', '{"Authorization": "Bearer sk-1"}')`],
      [
        'job',
        `(id, model_name, kind, request, queue_until) VALUES (gen_random_uuid(), 'm', 'x', '{"prompt": "sk-1"}', now())`,
      ],
      [
        'job_file',
        `(job_id, role, number, copy, part, bytes) VALUES (gen_random_uuid(), 'x', 0, 0, 0, 'sk-1')`,
      ],
      ['job_webhook', `(job_id, url, state) VALUES (gen_random_uuid(), 'http://h/?key=sk-1', 'x')`],
      ['signing_key', `(name, secret) VALUES ('sk-1', 'sk-1')`],
      ['api_key', `(name, hash, role) VALUES ('sk-1', 'sk-1', 'admin')`],
    ] as const;
    const seen = await Promise.all(
      refusals.map(async ([table, row]) => {
        const error = await database.query(`INSERT INTO ${table} ${row}`).catch((caught: unknown) => caught);
        if (!(error instanceof pg.DatabaseError)) throw new Error(`${table} took the row`);
        const { message, detail, hint, where, code, schema, constraint, column } = error;
        expect(JSON.stringify({ message, detail, hint, where })).not.toContain('sk-1');
        return [error.table, code, schema, constraint ?? column];
      }),
    );
    expect(seen).toEqual([
      ['worker', '23514', 'public', 'worker_weight_range'],
      ['worker', '23502', 'public', 'req_url_template'],
      ['job', '23514', 'public', 'job_kind_known'],
      ['job_file', '23514', 'public', 'job_file_role_known'],
      ['job_webhook', '23514', 'public', 'job_webhook_state_known'],
      ['signing_key', '23514', 'public', 'signing_key_length'],
      ['api_key', '23514', 'public', 'api_key_hash_length'],
    ]);
    // What write_row_checks() wrote is what it would write now.
    const written = await database.query('SELECT oid::regprocedure, prosrc FROM pg_proc ORDER BY oid');
    await database.query('SELECT write_row_checks()');
    expect(await database.query('SELECT oid::regprocedure, prosrc FROM pg_proc ORDER BY oid')).toEqual(
      written,
    );
  });

  it('has a comment on every table and view and on each of their columns', async () => {
    const database = await databaseForTest();
    const missing = await database.query<{ what: string }>(`
      SELECT c.relname || coalesce('.' || a.attname, '') AS what
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
        LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE c.relkind IN ('r', 'v') AND (obj_description(c.oid) IS NULL
        OR (a.attnum IS NOT NULL AND col_description(c.oid, a.attnum) IS NULL))`);
    expect(missing).toEqual([]);
  });

  it('can be reverted completely and migrated again', async () => {
    const database = await databaseForTest();
    const { length } = await database.query('SELECT FROM migration');
    for (let left = length; left > 0; left--) await revertMigration(database.address, 'public');
    expect(await relations(database)).toEqual(['migration']);
    expect(await migrate(database.address, 'public')).not.toEqual([]);
    expect(await relations(database)).toContain('worker');
  });

  it('is the same when the printed SQL of the pending migrations is run by hand, and then nothing is pending', async () => {
    const database = await databaseForTest(null);
    const byHand = async () => database.query(await pendingSql(database.address, 'public', NEVER));
    await byHand();
    const shown = await readFile('migrations/schema.sql', 'utf8');
    expect(await describeSchema(database.address, 'public')).toBe(shown);
    expect(await migrate(database.address, 'public')).toEqual([]);

    await revertTo(database, 'FastWorkerChanges1805000000000');
    expect(await showMigrations(database.address, 'public', NEVER)).toContainEqual({
      name: '1806000000000-worker-trouble',
      state: 'pending',
      ranAt: null,
    });
    await byHand();
    expect(await describeSchema(database.address, 'public')).toBe(shown);
    expect(await pendingSql(database.address, 'public', NEVER)).toMatch(/^-- Nothing is pending/);
  });

  it('is the same in another schema that the printed SQL creates', async () => {
    const database = await databaseForTest(null);
    await database.query(await pendingSql(database.address, 'models', NEVER));
    expect(await migrate(database.address, 'models')).toEqual([]);
    await database.query(
      `INSERT INTO models.worker (model_name, req_url_template) VALUES ('m', 'http://u/')`,
    );
    expect(await database.query('SELECT kind FROM models.worker_event')).toEqual([{ kind: 'registered' }]);
  });

  it('goes on from what an earlier release has migrated, whose table has no times', async () => {
    const database = await databaseForTest();
    await database.query(`ALTER TABLE migration DROP COLUMN ran_at;
      DELETE FROM migration WHERE name = 'MigrationTimes1808000000000';
      INSERT INTO migration ("timestamp", name) VALUES (1999000000000, 'FromTheFuture1999000000000')`);
    const before = await showMigrations(database.address, 'public', NEVER);
    expect(before[0]).toEqual({ name: '1795000000000-create-registry', state: 'ran', ranAt: null });
    expect(before.slice(-2)).toEqual([
      { name: '1999000000000-from-the-future', state: 'foreign', ranAt: null },
      { name: '1808000000000-migration-times', state: 'pending', ranAt: null },
    ]);
    expect(await migrate(database.address, 'public')).toEqual(['1808000000000-migration-times']);
    const after = await showMigrations(database.address, 'public', NEVER);
    expect(after.at(-1)).toEqual({
      name: '1808000000000-migration-times',
      state: 'ran',
      ranAt: expect.any(Date),
    });
  });

  it('is not reverted by a release that does not know its newest migration', async () => {
    const database = await databaseForTest();
    await database.query(
      `INSERT INTO migration ("timestamp", name) VALUES (1999000000000, 'FromTheFuture1999000000000')`,
    );
    await expect(revertMigration(database.address, 'public')).rejects.toThrow(/no such migration/);
  });

  it('is not reverted where that would lose rows, unless it may', async () => {
    const database = await databaseForTest();
    await revertTo(database, 'WorkerTrouble1806000000000');
    await database.query(`INSERT INTO worker_event (worker_id, model_name, req_url_template, kind, actor, generation)
      SELECT gen_random_uuid(), 'm', 'http://u/', kind, 'test', 1 FROM unnest(ARRAY['ejected', 'serving', 'changed']) AS kind`);
    const refused = revertMigration(database.address, 'public');
    await expect(refused).rejects.toThrow(
      '1806000000000-worker-trouble was not reverted, because that loses rows: worker_event 2. With --lose-rows it is reverted all the same',
    );
    expect(await database.query('SELECT FROM worker_trouble')).toEqual([]);
    expect(await database.query('SELECT FROM worker_event')).toHaveLength(3);
    expect(await revertMigration(database.address, 'public', { loseRows: true })).toEqual({
      name: '1806000000000-worker-trouble',
      lost: [{ what: 'worker_event', rows: 2 }],
    });
    expect(await database.query('SELECT kind FROM worker_event')).toEqual([{ kind: 'changed' }]);
  });

  it('is not reverted where a column that is in use would go', async () => {
    const database = await databaseForTest();
    await database.query(`INSERT INTO worker (model_name, req_url_template, protocol, any_task, heartbeat_ttl_s, poll, body_format)
      VALUES ('m', 'http://u/', 'openai', true, 60, '{}', 'multipart')`);
    const refused: string[] = [];
    while ((await database.query('SELECT FROM migration')).length > 0) {
      const refusal = await revertMigration(database.address, 'public').then(
        () => '',
        (error: unknown) => (error instanceof RowsWouldBeLostError ? error : Promise.reject(error)),
      );
      if (refusal === '') continue;
      refused.push(
        /^\d+-([a-z-]+) .*rows: (.*)\. With/
          .exec(String(refusal).replace(/^\w+: /, ''))
          ?.slice(1)
          .join(': ') ?? '',
      );
      await revertMigration(database.address, 'public', { loseRows: true });
    }
    expect(refused).toEqual(
      expect.arrayContaining([
        'long-work: worker.poll 1, worker.body_format 1',
        'any-task: worker.any_task 1',
        'protocols: worker 1',
      ]),
    );
  });

  it('is migrated once when four replicas start together on an empty database', async () => {
    const database = await databaseForTest(null);
    const ran = await Promise.all([1, 2, 3, 4].map(() => migrate(database.address, 'public')));
    expect(ran.filter((names) => names.length > 0)).toHaveLength(1);
    expect(await relations(database)).toContain('worker_overview');
  });

  it('can be created in any schema', async () => {
    const database = await databaseForTest(null);
    await migrate(database.address, 'models');
    await database.query(
      `INSERT INTO models.worker (model_name, req_url_template) VALUES ('m', 'http://u/')`,
    );
    expect(await database.query(`SELECT kind, actor FROM models.event`)).toEqual([
      { kind: 'registered', actor: expect.any(String) },
    ]);
  });

  it('can be migrated by a role that owns only its schema', async () => {
    const database = await databaseForTest(null);
    const role = `owner_${Date.now()}`;
    await database.query(`CREATE ROLE ${role} LOGIN PASSWORD 'test'`);
    onTestFinished(async () => {
      await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    });
    await database.query(`CREATE SCHEMA models AUTHORIZATION ${role}`);
    expect(await migrate(asRole(database.address, role), 'models')).not.toEqual([]);
  });

  it('does not record a failed migration as done: the next start tries it again', async () => {
    const database = await databaseForTest(null);
    await database.query('CREATE VIEW worker_event AS SELECT 1');
    await expect(migrate(database.address, 'public')).rejects.toThrow(/worker_event/);
    expect(await relations(database)).not.toContain('worker');
    await database.query('DROP VIEW worker_event');
    expect(await migrate(database.address, 'public')).not.toEqual([]);
  });
});

/** The migration `name` is then the newest that ran. */
async function revertTo(database: TestDatabase, name: string): Promise<void> {
  const newest = 'SELECT name FROM migration ORDER BY id DESC LIMIT 1';
  while ((await database.query<{ name: string }>(newest))[0]?.name !== name)
    await revertMigration(database.address, 'public');
}

async function relations(database: { query(sql: string): Promise<{ relname?: string }[]> }) {
  const rows = await database.query(`SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') ORDER BY relname`);
  return rows.map((row) => row.relname);
}
