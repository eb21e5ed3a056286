import { describe, expect, it } from 'vitest';
import { Replicas } from '../../src/replicas/replicas.js';
import { databaseForTest, type TestDatabase } from '../database.js';
import { replicasForTest } from '../replicas/replicas-for-test.js';
import { until } from '../until.js';

const REPLICAS = ['1111aaaa', '2222bbbb', '3333cccc'].map((short) => `${short}-0000-4000-8000-000000000000`);

async function worker(database: TestDatabase, model: string, rest = '', values = ''): Promise<string> {
  const [row] = await database.query<{ id: string }>(
    `INSERT INTO worker (model_name, name, req_url_template ${rest}) VALUES ('${model}', gen_random_uuid()::text, 'http://u/?k=1' ${values}) RETURNING id`,
  );
  return row?.id ?? '';
}

const unhealthy = (database: TestDatabase, id: string, reason: string) =>
  database.query(`UPDATE worker SET health = 'unhealthy', health_reason = $2 WHERE id = $1`, [id, reason]);

describe('model_overview', () => {
  it('shows every model with its state, since when, and why, also a model that has only a policy', async () => {
    const database = await databaseForTest();
    await database.query(
      `INSERT INTO model (name, strategy) VALUES ('policy', 'random'), ('ok', 'peak_ewma')`,
    );
    for (const model of ['ok', 'degraded', 'failing', 'down', 'off']) await worker(database, model);
    await database.query(`UPDATE worker SET health = 'healthy', health_reason = ''`);
    await database.query(`UPDATE worker SET admin_state = 'disabled' WHERE model_name = 'off'`);
    await database.query(
      `UPDATE worker SET health = 'unhealthy', health_reason = 'connection refused' WHERE model_name = 'down'`,
    );
    await unhealthy(database, await worker(database, 'degraded'), 'answered 500');
    await database.query(`INSERT INTO replica (id, host) VALUES ('${REPLICAS[0]}', 'vm')`);
    await database.query(`INSERT INTO worker_trouble (worker_id, replica_id, generation, state, since, last_error)
      SELECT id, '${REPLICAS[0]}', generation, 'failing', now() - interval '1 hour', 'HTTP 500: no memory' FROM worker WHERE model_name = 'failing'`);

    const rows = await database.query(
      `SELECT model_name AS model, state, why, workers::integer, usable::integer, strategy FROM model_overview`,
    );
    expect(rows).toEqual([
      { model: 'degraded', state: 'degraded', why: 'answered 500', workers: 2, usable: 1, strategy: null },
      { model: 'down', state: 'down', why: 'connection refused', workers: 1, usable: 0, strategy: null },
      {
        model: 'failing',
        state: 'failing',
        why: 'HTTP 500: no memory',
        workers: 1,
        usable: 0,
        strategy: null,
      },
      { model: 'off', state: 'off', why: null, workers: 1, usable: 0, strategy: null },
      { model: 'ok', state: 'ok', why: null, workers: 1, usable: 1, strategy: 'peak_ewma' },
      { model: 'policy', state: 'no workers', why: null, workers: 0, usable: 0, strategy: 'random' },
    ]);
    const since =
      await database.query(`SELECT o.model_name FROM model_overview o LEFT JOIN worker w USING (model_name)
      WHERE CASE o.state WHEN 'ok' THEN o.state_since IS NULL WHEN 'off' THEN o.state_since = w.admin_state_since
        WHEN 'failing' THEN o.state_since = (SELECT since FROM worker_trouble) ELSE o.state_since = w.health_since END`);
    expect(new Set(since.map((row) => row['model_name']))).toEqual(
      new Set(['degraded', 'down', 'failing', 'off', 'ok']),
    );
  });

  it('counts no trouble of a replica that is gone, or of an older definition', async () => {
    const database = await databaseForTest();
    await worker(database, 'm');
    await database.query(
      `INSERT INTO replica (id, host, seen_at) VALUES ('${REPLICAS[0]}', 'gone', now() - interval '5 minutes'), ('${REPLICAS[1]}', 'vm', now())`,
    );
    await database.query(`INSERT INTO worker_trouble (worker_id, replica_id, generation, state, since)
      SELECT w.id, r.id, CASE r.host WHEN 'vm' THEN 7 ELSE 1 END, 'failing', now() FROM worker w, replica r`);
    expect(await database.query('SELECT state FROM model_overview')).toEqual([{ state: 'ok' }]);
  });
});

describe('worker_outage', () => {
  const OUTAGES = `SELECT by_what, cause, ended_with, ended_at IS NULL AS lasts, lasted >= interval '0' AS counted,
    url, worker_name IS NULL AS deleted FROM worker_outage ORDER BY began_at`;
  const outage = { counted: true, url: 'http://u/', deleted: false };

  it('is one row an outage, from the first sign to the first sign of the end', async () => {
    const database = await databaseForTest();
    const id = await worker(database, 'm');
    const health = (state: string) =>
      database.query(`UPDATE worker SET health = $2, health_reason = 'refused' WHERE id = $1`, [id, state]);
    for (const state of ['healthy', 'suspect', 'unhealthy', 'warming', 'healthy', 'unhealthy'])
      await health(state);
    expect(await database.query(OUTAGES)).toEqual([
      { ...outage, by_what: 'health', cause: 'refused', ended_with: 'warming', lasts: false },
      { ...outage, by_what: 'health', cause: 'refused', ended_with: null, lasts: true },
    ]);
  });

  it('distinguishes what people did from what probes saw, and takes draining and offline for one outage', async () => {
    const database = await databaseForTest();
    const id = await worker(database, 'm');
    for (const state of ['draining', 'offline', 'enabled', 'disabled'])
      await database.query('UPDATE worker SET admin_state = $2 WHERE id = $1', [id, state]);
    await unhealthy(database, id, 'refused');
    await database.query('DELETE FROM worker');
    const deleted = { ...outage, deleted: true, lasts: false };
    expect(await database.query(OUTAGES)).toEqual([
      { ...deleted, by_what: 'admin_state', cause: 'draining', ended_with: 'registered' },
      { ...deleted, by_what: 'admin_state', cause: 'disabled', ended_with: 'deleted' },
      { ...deleted, by_what: 'health', cause: 'refused', ended_with: 'deleted' },
    ]);
  });

  it('shows what is out now also when its beginning was purged', async () => {
    const database = await databaseForTest();
    const id = await worker(database, 'm', ', admin_state', `, 'offline'`);
    await unhealthy(database, id, 'refused');
    await database.query('DELETE FROM event');
    const rows =
      await database.query(`SELECT by_what, cause, began_at = CASE by_what WHEN 'health' THEN w.health_since ELSE w.admin_state_since END AS since
      FROM worker_outage o JOIN worker w ON w.id = o.worker_id ORDER BY by_what`);
    expect(rows).toEqual([
      { by_what: 'admin_state', cause: 'offline', since: true },
      { by_what: 'health', cause: 'refused', since: true },
    ]);
  });
});

describe('replica_overview', () => {
  it('shows in what the odd replica differs, what drains and what is dead', async () => {
    const database = await databaseForTest();
    const settings = (keys: string) => `'{"CREDENTIALS_KEYS": "${keys}", "UPSTREAM_CIDRS": "same"}'`;
    await database.query(`INSERT INTO replica (id, host, version, seen_at, settings, draining) VALUES
      ('${REPLICAS[0]}', 'a', '1.0.0', now(), ${settings('k1')}, NULL),
      ('${REPLICAS[1]}', 'b', '1.0.0', now(), ${settings('k1')}, '{"w": 2, "x": 1}'),
      ('${REPLICAS[2]}', 'c', '1.1.0', now(), ${settings('k2')}, NULL),
      (gen_random_uuid(), 'd', '0.9.0', now() - interval '16 seconds', ${settings('k3')}, NULL)`);
    expect(
      await database.query(
        `SELECT host, version, alive, still_running::integer, differs_in FROM replica_overview ORDER BY host`,
      ),
    ).toEqual([
      {
        host: 'a',
        version: '1.0.0',
        alive: true,
        still_running: null,
        differs_in: 'CREDENTIALS_KEYS (unlike 1 of 2 others)',
      },
      {
        host: 'b',
        version: '1.0.0',
        alive: true,
        still_running: 3,
        differs_in: 'CREDENTIALS_KEYS (unlike 1 of 2 others)',
      },
      {
        host: 'c',
        version: '1.1.0',
        alive: true,
        still_running: null,
        differs_in: 'CREDENTIALS_KEYS (unlike 2 of 2 others)',
      },
      { host: 'd', version: '0.9.0', alive: false, still_running: null, differs_in: null },
    ]);
  });

  it('counts what a replica holds', async () => {
    const database = await databaseForTest();
    const id = await worker(database, 'm');
    await database.query(
      `INSERT INTO replica (id, host) VALUES ('${REPLICAS[0]}', 'a'), ('${REPLICAS[1]}', 'b')`,
    );
    await database.query(
      `UPDATE worker_probe SET lease_owner = '${REPLICAS[0]}', lease_until = now() + interval '1 minute'`,
    );
    await database.query(
      `INSERT INTO worker_slot VALUES ('${id}', 0, '${REPLICAS[0]}', now() + interval '1 minute'), ('${id}', 1, '${REPLICAS[0]}', now() - interval '1 minute')`,
    );
    await database.query(`INSERT INTO replica_fault VALUES ('${id}', '${REPLICAS[0]}', 1, 'no key')`);
    await database.query(
      `INSERT INTO worker_trouble (worker_id, replica_id, generation, state, since) VALUES ('${id}', '${REPLICAS[0]}', 1, 'ejected', now())`,
    );
    await database.query(`INSERT INTO job (id, model_name, kind, request, state, worker_id, queue_until, lease_owner, lease_until)
      VALUES (gen_random_uuid(), 'm', 'image', '{}', 'running', '${id}', now(), '${REPLICAS[0]}', now() + interval '1 minute')`);
    const holds = (n: number) => ({ probes: n, slots: n, uncallable: n, ejected: n, failing: 0, jobs: n });
    expect(
      await database.query(`SELECT probes::integer, slots::integer, uncallable::integer, ejected::integer, failing::integer, jobs::integer
        FROM replica_overview ORDER BY host`),
    ).toEqual([holds(1), holds(0)]);
  });

  it('finds the connections of each replica by their application_name', async () => {
    const database = await databaseForTest();
    const services = await replicasForTest(2, database);
    const ids = services.map(({ app }) => app.get(Replicas).id);
    const purposes = async () => {
      const rows = await database.query<{
        id: string;
        purposes: string[];
      }>(`SELECT r.id, array_agg(DISTINCT split_part(a.application_name, ' ', 3)) AS purposes
        FROM replica r JOIN pg_stat_activity a ON starts_with(a.application_name, 'mmm ' || left(r.id::text, 8) || ' ')
        WHERE a.datname = current_database() GROUP BY r.id`);
      return new Map(rows.map((row) => [row.id, row.purposes.toSorted()]));
    };
    await until(async () => {
      const found = await purposes();
      return ids.every((id) => found.get(id)?.join() === 'listen,pool');
    });
    const counted = await database.query<{ id: string; connections: number }>(
      'SELECT id, connections::integer FROM replica_overview',
    );
    expect(counted.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(counted.every(({ connections }) => connections >= 2)).toBe(true);
  });
});
