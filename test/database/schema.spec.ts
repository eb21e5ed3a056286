import { readFile } from 'node:fs/promises';
import { DataSource } from 'typeorm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { dataSourceOptions } from '../../src/database/data-source.js';
import { describeSchema } from '../../src/database/describe-schema.js';
import { migrate, revertMigration } from '../../src/database/migrate.js';
import { asRole, databaseForTest } from '../database.js';

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

  it('has a comment on every table and view and on each of their columns', async () => {
    const database = await databaseForTest();
    const missing = await database.query<{ what: string }>(`
      SELECT c.relname || coalesce('.' || a.attname, '') AS what
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
        LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE c.relkind IN ('r', 'v') AND c.relname <> 'migration' AND (obj_description(c.oid) IS NULL
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
    expect(await database.query(`SELECT kind, actor FROM models.worker_event`)).toEqual([
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

async function relations(database: { query(sql: string): Promise<{ relname?: string }[]> }) {
  const rows = await database.query(`SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') ORDER BY relname`);
  return rows.map((row) => row.relname);
}
