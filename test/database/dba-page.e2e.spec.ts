import { readFileSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pgOptions } from '../../src/database/data-source.js';
import { createDatabase, type TestDatabase } from '../database.js';

const PAGE = readFileSync('docs/dba.md', 'utf8');
const REPLICA = '1111aaaa-0000-4000-8000-000000000000';
const OTHER = '2222bbbb-0000-4000-8000-000000000000';

/** The statements of the page, by the number of their question. */
function statements(): ReadonlyMap<number, string> {
  const [, section = ''] = PAGE.split('## Twenty questions');
  const [, block = ''] = /```sql\n([^]*?)```/.exec(section) ?? [];
  return new Map(
    block
      .split(/^-- (?=\d)/m)
      .slice(1)
      .map((text) => [Number.parseInt(text, 10), text.slice(text.indexOf('\n'))]),
  );
}

describe('docs/dba.md', () => {
  it('draws every table, and only tables that exist', async () => {
    const [, drawing = ''] = /```mermaid\n([^]*?)```/.exec(PAGE) ?? [];
    const drawn = [...drawing.matchAll(/^ {2}(\w+)(?: \S+ (\w+) :| \{)/gm)].flatMap(([, one, other]) => [
      one,
      other ?? one,
    ]);
    const schema = readFileSync('migrations/schema.sql', 'utf8');
    const tables = [...schema.matchAll(/^CREATE TABLE (\w+)/gm)].map(([, name]) => name);
    expect(new Set(drawn)).toEqual(new Set([...tables, 'migration']));
  });

  it('says how every table grows, and names every view', () => {
    const schema = readFileSync('migrations/schema.sql', 'utf8');
    const [, growth = ''] = PAGE.split('## Growth and retention');
    for (const [, name] of schema.matchAll(/^CREATE TABLE (\w+)/gm)) expect(growth).toContain(`\`${name}\``);
    for (const [, name] of schema.matchAll(/^CREATE VIEW (\w+)/gm)) expect(PAGE).toContain(`\`${name}\``);
  });

  describe('answers', () => {
    let database: TestDatabase;
    let dba: pg.Client;
    let pool: pg.Client;
    const byQuestion = statements();
    const rows = async (question: number) =>
      (await dba.query<Record<string, unknown>>(byQuestion.get(question) ?? '')).rows;

    beforeAll(async () => {
      database = await createDatabase();
      dba = new pg.Client(pgOptions(database.address, 'test'));
      pool = new pg.Client({
        ...pgOptions(database.address, 'test'),
        application_name: 'mmm 1111aaaa listen vm-1',
      });
      await Promise.all([dba.connect(), pool.connect()]);
      await seed(database);
    });
    afterAll(async () => {
      await Promise.all([dba.end(), pool.end()]);
      await database.drop();
    });

    it('with statements that run, those beside the questions included', async () => {
      const blocks = [...PAGE.matchAll(/^```sql\n([^]*?)^```$/gm)].map(([, text = '']) => text);
      const others = blocks.filter((text) => !text.startsWith('-- 1.'));
      expect(others.length).toBeGreaterThan(2);
      for (const text of others)
        await database.query(
          `BEGIN; ${text.replaceAll('…', '00000000-0000-4000-8000-000000000000')}; ROLLBACK`,
        );
    });

    it('has twenty questions', () => {
      expect([...byQuestion.keys()]).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    });

    it('what is sick, by probes and by requests, and since when', async () => {
      expect(await rows(1)).toMatchObject([
        { model_name: 'm', name: 'b', health_reason: 'refused', health_since: expect.any(Date) as Date },
      ]);
      expect(await rows(2)).toMatchObject([
        { model_name: 'n', name: 'c', host: 'vm-1', state: 'failing', failures: 40, last_error: 'HTTP 500' },
      ]);
      expect(await rows(6)).toMatchObject([
        { worker_name: 'old', by_what: 'admin_state', cause: 'offline', out_for: { days: 7 } },
        { model_name: 'm', worker_name: 'b', by_what: 'health', outages: '1', cause: 'refused' },
      ]);
      expect(await rows(7)).toMatchObject([
        { model_name: 'n', state: 'failing', why: 'HTTP 500' },
        { model_name: 'policy', state: 'no workers' },
      ]);
      expect(new Set((await rows(18)).map(({ name }) => name))).toEqual(new Set(['b', 'c']));
    });

    it('what changed, by whom, from what to what', async () => {
      const changes = await rows(3);
      expect(changes.find(({ subject, kind }) => subject === 'worker' && kind === 'changed')).toMatchObject({
        subject: 'worker',
        subject_name: 'm',
        before: { weight: 1 },
        after: { weight: 7 },
        actor: expect.stringMatching(/^psql:\w+\/alice: INC-42$/) as string,
      });
      const people = await rows(4);
      expect(people.find(({ actor }) => String(actor).endsWith('/alice: INC-42'))).toMatchObject({
        via: 'psql',
        changes: '2',
      });
      expect((await rows(5)).map(({ model, kind }) => [model, kind])).toEqual([
        ['policy', 'changed'],
        ['policy', 'created'],
      ]);
    });

    it('which replica does what, and in which version', async () => {
      expect(await rows(8)).toMatchObject([{ host: 'vm-1', replica: '1111aaaa', model_name: 'm' }]);
      expect(await rows(9)).toMatchObject([{ replica: REPLICA, host: 'vm-1', purpose: 'listen' }]);
      expect(await rows(10)).toMatchObject([
        { version: '1.0.0', replicas: '1', hosts: 'vm-1' },
        { version: '1.1.0', replicas: '1', hosts: 'vm-2' },
      ]);
      expect(await rows(17)).toMatchObject([
        { host: 'vm-1', draining: false, differs_in: 'CREDENTIALS_KEYS (unlike 1 of 1 others)' },
        { host: 'vm-2', draining: true, still_running: '3' },
      ]);
      expect(await rows(20)).toMatchObject([
        { host: 'vm-1', listens: true },
        { host: 'vm-2', listens: false },
      ]);
    });

    it('what grows, what is purged next, and whether a credential stands in clear text', async () => {
      expect((await rows(11)).map(({ relname }) => relname)).toContain('event');
      expect(await rows(12)).toEqual([
        { name: 'worker', due: '1' },
        { name: 'event', due: '0' },
        { name: 'job', due: '1' },
        { name: 'replica', due: '1' },
      ]);
      expect(await rows(13)).toMatchObject([{ name: 'old', columns: ['req_url_template'] }]);
    });

    it('who let whom in, what a key changed, which keys are idle or mighty, and how to close a team', async () => {
      const [, section = ''] = PAGE.split('Of a key, `after` shows what it may do');
      const [, block = ''] = /```sql\n([^]*?)```/.exec(section) ?? [];
      const [letIn = '', changed = '', idle = '', mighty = '', close = ''] = block
        .split(/^-- .*\n/m)
        .slice(1);
      await database.query(
        `INSERT INTO api_key (name, role, team, hash, created_at) VALUES
           ('old', 'viewer', NULL, sha256('1'), now() - interval '1 year'), ('ci', 'admin', 'search', sha256('2'), now()),
           ('app', 'inference', 'search', sha256('3'), now())`,
      );
      await database.query(
        `BEGIN; SET LOCAL mmm.actor = 'ci'; SET LOCAL mmm.via = 'api'; UPDATE worker SET weight = 9 WHERE name = 'c'; COMMIT`,
      );
      const answers = async (sql: string) => (await dba.query<Record<string, unknown>>(sql)).rows;
      expect(await answers(letIn)).toContainEqual(
        expect.objectContaining({
          key: 'ci',
          kind: 'created',
          actor: expect.stringMatching(/^psql:/) as unknown,
        }),
      );
      expect(await answers(changed)).toMatchObject([{ subject: 'worker', after: { weight: 9 } }]);
      expect((await answers(idle)).map(({ name }) => name)).toEqual(['old']);
      expect((await answers(mighty)).map(({ name }) => name)).toEqual(['ci']);
      await dba.query(close);
      expect(
        await database.query('SELECT name FROM api_key WHERE disabled_at IS NOT NULL ORDER BY name'),
      ).toEqual([{ name: 'app' }, { name: 'ci' }]);
    });

    it('how to take a worker out and back, and how to undo a mistake', async () => {
      expect(await rows(14)).toMatchObject([{ admin_state: 'draining' }]);
      expect(await rows(15)).toMatchObject([{ admin_state: 'enabled' }]);
      await expect(rows(19)).rejects.toMatchObject({ constraint: 'worker_weight_range' });
      await dba.query(`DELETE FROM worker WHERE name = 'b'`);
      await rows(16);
      expect(await database.query(`SELECT model_name FROM worker WHERE name = 'b'`)).toEqual([
        { model_name: 'm' },
      ]);
    });
  });
});

async function seed(database: TestDatabase): Promise<void> {
  const settings = (keys: string) => `'{"CREDENTIALS_KEYS": "${keys}"}'`;
  await database.query(`
    INSERT INTO worker (model_name, name, req_url_template) VALUES ('m', 'a', 'http://a/'), ('m', 'b', 'http://b/'), ('n', 'c', 'http://c/');
    UPDATE worker SET health = 'healthy', health_reason = '';
    UPDATE worker SET health = 'unhealthy', health_reason = 'refused' WHERE name = 'b';
    INSERT INTO worker (model_name, name, req_url_template, admin_state, admin_state_since)
      VALUES ('m', 'old', 'http://old/?api_key=abc', 'offline', now() - interval '40 days');
    INSERT INTO model (name) VALUES ('policy');
    UPDATE model SET strategy = 'random';
    INSERT INTO replica (id, host, version, seen_at, settings, draining) VALUES
      ('${REPLICA}', 'vm-1', '1.0.0', now() + interval '1 minute', ${settings('k1')}, NULL),
      ('${OTHER}', 'vm-2', '1.1.0', now() + interval '1 minute', ${settings('k2')}, '{"w": 3}'),
      (gen_random_uuid(), 'dead', '0.9.0', now() - interval '2 hours', NULL, NULL);
    UPDATE worker_probe SET last_served_at = now() FROM worker WHERE id = worker_id AND name = 'a';
    INSERT INTO worker_trouble (worker_id, replica_id, generation, state, since, failures, last_error, last_error_at)
      SELECT id, '${REPLICA}', generation, 'failing', now(), 40, 'HTTP 500', now() FROM worker WHERE name = 'c';
    INSERT INTO job (id, model_name, kind, request, state, error_code, ended_at, queue_until)
      VALUES (gen_random_uuid(), 'm', 'image', '{}', 'failed', 'timeout', now() - interval '2 days', now())`);
  await database.query(`DO $$ BEGIN
    PERFORM set_config('mmm.actor', 'alice: INC-42', true);
    UPDATE worker SET weight = 7 WHERE name = 'a';
    UPDATE worker SET admin_state_since = now() WHERE name = 'c';
  END $$`);
  await database.query(`UPDATE worker_probe SET lease_owner = '${REPLICA}', lease_until = now() + interval '1 minute'
    FROM worker WHERE id = worker_id AND name = 'a'`);
}
