import { execFile, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type DatabaseAddress, pgOptions } from '../../src/database/data-source.js';
import { migrate } from '../../src/database/migrate.js';
import { JobRetention } from '../../src/jobs/job-retention.js';
import { Retention } from '../../src/registry/retention.js';
import { asRole, createDatabase, type TestDatabase } from '../database.js';
import { json } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest, viewsOf } from '../fixtures/worker.js';
import { pollOf } from '../jobs/engine.js';
import { TaskServer } from '../jobs/task-server.js';
import { serviceForTest } from '../service.js';
import { until } from '../until.js';

const FILE = 'deploy/sql/roles.sql';

interface Names extends Readonly<Record<string, string>> {
  readonly schema: string;
  readonly owner: string;
  readonly service: string;
  readonly reader: string;
}

/** As psql reads the file: it obeys the lines that begin with a backslash, and replaces :'name'. */
function asPlainSql(names: Names): string {
  return readFileSync(FILE, 'utf8')
    .replaceAll(/^\\.*$/gm, '')
    .replaceAll(/:'(\w+)'/g, (_all, name: string) => pg.escapeLiteral(names[name] ?? ''));
}

async function connect(address: DatabaseAddress): Promise<pg.Client> {
  const client = new pg.Client(pgOptions(address, 'test'));
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

/** A new database, and a DBA who is no superuser. */
async function installation() {
  const database = await createDatabase(null);
  const suffix = randomUUID().slice(0, 8);
  const names: Names = {
    schema: 'models',
    owner: `o-${suffix}`,
    service: `s-${suffix}`,
    reader: `r-${suffix}`,
  };
  const dba = `dba_${suffix}`;
  const [row] = await database.query<{ name: string }>('SELECT current_database() AS name');
  await database.query(
    `CREATE ROLE ${dba} LOGIN CREATEROLE PASSWORD 'test'; GRANT CREATE ON DATABASE ${row?.name} TO ${dba} WITH GRANT OPTION`,
  );
  onTestFinished(async () => {
    const made = [names.reader, names.service, names.owner, dba].map((role) => pg.escapeIdentifier(role));
    await database.query(`DROP OWNED BY ${made.join(', ')} CASCADE`);
    await database.query(`DROP ROLE ${made.join(', ')}`);
    await database.drop();
  });
  return { database, names, dba: asRole(database.address, dba) };
}

async function runAs(dba: DatabaseAddress, names: Names): Promise<void> {
  const client = await connect(dba);
  await client.query(asPlainSql(names));
  for (const role of [names.owner, names.service, names.reader])
    await client.query(`ALTER ROLE ${pg.escapeIdentifier(role)} PASSWORD 'test'`);
}

/** Rights of all relations and columns, and the default rights. */
const RIGHTS = `SELECT relname AS name, relacl::text AS rights FROM pg_class WHERE relnamespace = 'models'::regnamespace
  UNION ALL SELECT attrelid::regclass || '.' || attname, attacl::text FROM pg_attribute WHERE attacl IS NOT NULL
  UNION ALL SELECT 'default ' || defaclobjtype::text, defaclacl::text FROM pg_default_acl ORDER BY 1`;

/**
 * Tables with a column that the reader may not see, and no trigger that shows nothing of a refused row. Only triggers write
 * event_undo; worker_object holds ids.
 */
const SHOWN_WHEN_REFUSED = `SELECT DISTINCT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
  WHERE c.relnamespace = 'models'::regnamespace AND c.relkind = 'r' AND NOT has_column_privilege(c.oid, a.attnum, 'SELECT')
    AND c.relname NOT IN ('event_undo', 'worker_object', 'next_release')
    AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = c.relname || '_check')`;

/** insufficient_privilege */
const REFUSED = '42501';

async function outcome(client: pg.Client, sql: string): Promise<string> {
  return client.query(sql).then(
    () => 'done',
    (error: unknown) => (error instanceof pg.DatabaseError ? (error.code ?? '') : String(error)),
  );
}

describe('deploy/sql/roles.sql', () => {
  it('gives an owner, a service and a reader what they need, and the next release its new tables', async () => {
    const { database, names, dba } = await installation();
    await runAs(dba, names);
    const as = (role: keyof Names & string) => asRole(database.address, names[role] ?? '');
    expect(await migrate(as('owner'), 'models')).not.toEqual([]);
    await runAs(dba, names);

    await serves(database, as('service'));

    const service = await connect(as('service'));
    const reader = await connect(as('reader'));
    const owner = await connect(as('owner'));
    await owner.query('SET search_path = models; CREATE TABLE next_release (id integer)');
    await service.query('SET search_path = models; INSERT INTO next_release VALUES (1)');
    await reader.query('SET search_path = models');
    for (const closed of [
      'SELECT FROM next_release',
      'SELECT sealed_header FROM worker',
      'SELECT body FROM worker',
      'SELECT req_param FROM worker',
      'SELECT request FROM job',
      'SELECT result FROM job',
      'SELECT url FROM job_webhook',
      'SELECT bytes FROM job_file',
      'SELECT secret FROM signing_key',
      'SELECT before FROM event_undo',
      'SELECT purge_events(90, 1)',
      'UPDATE worker SET weight = 2',
      'CREATE TABLE mine ()',
    ])
      expect([closed, await outcome(reader, closed)]).toEqual([closed, REFUSED]);
    for (const open of [
      'worker_overview',
      'model_overview',
      'replica_overview',
      'worker_outage',
      'job_overview',
      'worker_event',
      'event',
      'model',
      'migration',
    ])
      await reader.query(`SELECT * FROM ${open}`);
    await reader.query('SELECT id, model_name, weight FROM worker');
    // A constraint that fails would print the row: what the reader may not see, a trigger refuses without it.
    expect(await reader.query(SHOWN_WHEN_REFUSED)).toMatchObject({ rows: [] });
    for (const closed of [
      `UPDATE event SET actor = 'another'`,
      `UPDATE worker_event SET actor = 'another'`,
      'DELETE FROM event',
      `INSERT INTO migration (timestamp, name) VALUES (1, 'x')`,
      'DELETE FROM migration',
      'CREATE TABLE mine ()',
      'DROP TABLE worker',
    ])
      expect([closed, await outcome(service, closed)]).toEqual([closed, REFUSED]);

    await owner.query('DROP TABLE next_release');
    const before = await database.query(RIGHTS);
    await runAs(dba, names);
    expect(await database.query(RIGHTS)).toEqual(before);
  });

  it('refuses tables that belong to another role, and names that role', async () => {
    const { database, names, dba } = await installation();
    await database.query('CREATE SCHEMA models; CREATE TABLE models.worker ()');
    await expect((await connect(database.address)).query(asPlainSql(names))).rejects.toThrow(
      /belong to \w+, and not to o-/,
    );
    await database.query('DROP SCHEMA models CASCADE');
    await runAs(dba, names);
  });

  it.skipIf(!hasPsql())('is read by psql, with its variables', async () => {
    const { database, names, dba } = await installation();
    const where =
      'url' in dba ? [dba.url] : ['-h', dba.host, '-p', String(dba.port), '-U', dba.user, '-d', dba.database];
    const variables = Object.entries(names).flatMap(([name, value]) => ['-v', `${name}=${value}`]);
    await promisify(execFile)('psql', ['-X', ...where, ...variables, '-f', FILE]);
    expect(await migrate(asRole(database.address, names.owner), 'models')).not.toEqual([]);
    const [row] = await database.query(`SELECT has_table_privilege($1, 'models.worker', 'UPDATE') AS may`, [
      names.service,
    ]);
    expect(row).toEqual({ may: true });
  });
});

/** The whole service in the service's role: everything that it does in its tables. */
async function serves(database: TestDatabase, address: DatabaseAddress): Promise<void> {
  const service = await serviceForTest(
    {
      DATABASE_SCHEMA: 'models',
      MIGRATE_ON_START: 'false',
      WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
    },
    { ...database, address },
  );
  const upstream = await upstreamForTest(json({ answer: 'fine' }));
  const registration = aWorker(upstream, { header: { authorization: 'Bearer secret' }, max_concurrency: 1 });
  const model = registration.model_name;
  expect((await service.register(registration)).status).toBe(200);
  expect((await service.chat(model, 'hi')).status).toBe(200);
  await until(async () => (await viewsOf(service, model))[0]?.health === 'healthy');
  const id = (await viewsOf(service, model))[0]?.id ?? '';
  const call = (method: string, path: string, body: unknown) =>
    fetch(service.url + path, {
      method,
      headers: { 'content-type': 'application/json', 'if-match': '*' },
      body: JSON.stringify(body),
    });
  expect((await call('PUT', `/api/v1/models/${model}`, { strategy: 'random' })).ok).toBe(true);
  expect((await call('PATCH', `/api/v1/workers/${id}`, { weight: 3 })).status).toBe(200);
  const [changed] = await database.query<{ id: string }>(
    `SELECT id FROM models.event WHERE kind = 'changed' AND subject_id = '${id}'`,
  );
  expect((await call('POST', `/api/v1/events/${changed?.id}/undo`, {})).status).toBe(200);

  const tasks = await TaskServer.forTest(0);
  await service.register({
    model_name: 'film',
    task: 'video',
    req_url_template: `${tasks.url}/tasks`,
    body: { prompt: '{USER_PROMPT}', job: '{JOB_ID}' },
    poll: pollOf(),
  });
  const made = await service.post('/api/v1/jobs', {
    model: 'film',
    prompt: 'a cat',
    webhook_url: `${upstream.url}/hook`,
  });
  expect(made.status).toBe(202);
  const jobUrl = `/api/v1/jobs/${(made.json as { id: string }).id}`;
  await until(async () => (await service.get(jobUrl)).text.includes('"succeeded"'));
  await until(
    async () => (await database.query('SELECT FROM models.job_webhook WHERE delivered')).length === 1,
  );

  expect((await service.post(`/api/v1/workers/${id}/drain`, {})).status).toBe(200);
  const isOffline = `SELECT FROM models.worker WHERE id = '${id}' AND admin_state = 'offline'`;
  await until(async () => (await database.query(isOffline)).length === 1);
  await database.query(
    `UPDATE models.worker SET admin_state_since = now() - interval '1 year' WHERE id = '${id}'`,
  );
  await database.query(`UPDATE models.job SET ended_at = now() - interval '1 year'`);
  await database.query(`INSERT INTO models.event (subject_id, subject_name, req_url_template, kind, actor, generation, at)
    VALUES ('${id}', 'old', 'http://x', 'registered', 'test', 1, now() - interval '1 year')`);
  await service.app.get(Retention).purge();
  await service.app.get(JobRetention).purge();
  expect(
    await database.query(`SELECT FROM models.worker WHERE id = '${id}' UNION ALL SELECT FROM models.job
    UNION ALL SELECT FROM models.event WHERE subject_name = 'old'`),
  ).toEqual([]);
  expect((await call('DELETE', `/api/v1/models/${model}`, undefined)).ok).toBe(true);
  expect(service.log.filter((line) => JSON.stringify(line).includes('permission denied'))).toEqual([]);
}

function hasPsql(): boolean {
  try {
    execFileSync('psql', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
