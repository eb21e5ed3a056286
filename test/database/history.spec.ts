import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { clearCredentials, CREDENTIAL_NAMES } from '../../src/credentials/clear-credentials.js';
import { splitHeaders } from '../../src/credentials/sensitive-headers.js';
import { pgOptions } from '../../src/database/data-source.js';
import { asRole, createDatabase, databaseForTest, type TestDatabase } from '../database.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.drop());

type Row = Readonly<Record<string, unknown>>;

/** Every column as text: what undo must give back to the letter. */
const DEFINITION = `to_jsonb(worker_row(w)) AS row, generation, health`;
let made = 0;

async function worker(columns: Row = {}): Promise<string> {
  const given: Row = { model_name: 'm', req_url_template: `http://u/${(made += 1)}`, ...columns };
  const names = Object.keys(given);
  const [row] = await database.query<{ id: string }>(
    `INSERT INTO worker (${names.join(', ')}) VALUES (${names.map((_, at) => `$${at + 1}`).join(', ')}) RETURNING id`,
    Object.values(given),
  );
  return row?.id ?? '';
}

async function change(id: string, columns: Row): Promise<void> {
  const set = Object.keys(columns).map((name, at) => `${name} = $${at + 2}`);
  await database.query(`UPDATE worker SET ${set.join(', ')} WHERE id = $1`, [id, ...Object.values(columns)]);
}

async function rowOf(id: string) {
  const [row] = await database.query<{ row: Row; generation: number; health: string }>(
    `SELECT ${DEFINITION} FROM worker w WHERE id = $1`,
    [id],
  );
  return row;
}

async function eventsOf(id: string) {
  return database.query<{ id: string; kind: string; before: Row; after: Row; undoes: string | null }>(
    'SELECT id, kind, before, after, undoes FROM event WHERE subject_id = $1 ORDER BY id',
    [id],
  );
}

async function newest(): Promise<string> {
  const [row] = await database.query<{ id: string }>('SELECT max(id) AS id FROM event');
  return row?.id ?? '';
}

async function newestOf(id: string): Promise<string> {
  return (await eventsOf(id)).at(-1)?.id ?? '';
}

const undo = (id: string, force = false) =>
  database.query<{ made: string }>('SELECT undo_event($1, $2) AS made', [id, force]);

/** Values that a column may have, those included that jsonb and its functions refuse. */
const bodies = fc.oneof(
  fc.constant(null),
  fc.constantFrom(
    '{"b": 1,  "a": "{USER_PROMPT}"}',
    String.raw`{"a": "\u0000 {USER_PROMPT}", "a": 2}`,
    String.raw`{"a": "\ud800"}`,
    '{"max_tokens": 1e400, "messages": "{MESSAGES}"}',
    '{"api_key": "${secret:NAME}"}',
  ),
  fc.json().map((text) => text.replaceAll(String.raw`\u0000`, ' ')),
);
const columns = fc.record(
  {
    weight: fc.integer({ min: 1, max: 1000 }),
    body: bodies,
    labels: fc.constantFrom('{}', '{"gpu": "a100"}', '{ "gpu":"h100" }'),
    owner: fc.string({ maxLength: 20 }).map((text) => text.replaceAll('\0', '')),
    upstream_model: fc.option(fc.constantFrom('a', "quote ' and \\ backslash")),
    is_stream: fc.boolean(),
    total_ms: fc.option(fc.integer({ min: 1, max: 100_000 })),
    req_url_template: fc.constantFrom(
      'http://law/a',
      'http://law/b?x={USER_PROMPT}',
      'http://law/c?version=1',
    ),
    header: fc.option(fc.constantFrom('{"accept": "a"}', '{"x-key": "${secret:KEY}"}')),
    sealed_header: fc.option(fc.constantFrom('v1.k1.one', 'v1.k1.two')),
  },
  { requiredKeys: [] },
);

describe('undo_event()', () => {
  it('gives back the former row of any change, and the changed one when it is undone itself', async () => {
    await fc.assert(
      fc.asyncProperty(columns, columns, async (first, second) => {
        const id = await worker({ ...first, name: `law ${(made += 1)}` });
        const before = await rowOf(id);
        await change(id, { admin_state: 'enabled', ...second });
        const after = await rowOf(id);
        const changes = (await eventsOf(id)).filter(({ kind }) => kind === 'changed');
        expect(changes).toHaveLength(after?.generation === before?.generation ? 0 : 1);
        for (const { id: event } of changes) {
          const [undone] = await undo(event);
          expect((await rowOf(id))?.row).toEqual(before?.row);
          await undo(undone?.made ?? '');
          expect((await rowOf(id))?.row).toEqual(after?.row);
        }
        await database.query('DELETE FROM worker WHERE id = $1', [id]);
        await undo(await newest());
        expect((await rowOf(id))?.row).toEqual(after?.row);
      }),
      { numRuns: 40 },
    );
  });

  it('restores a deleted worker with its id, its sealed headers and a higher generation, and starts its probes', async () => {
    const id = await worker({ sealed_header: 'v1.k1.sealed', admin_state: 'disabled', weight: 7 });
    await change(id, { weight: 8 });
    await database.query('DELETE FROM worker WHERE id = $1', [id]);
    const deleted = await newest();
    await undo(deleted);
    expect(
      await database.query(
        `SELECT w.sealed_header, w.admin_state, w.weight, w.generation, w.health, p.generation AS probed, p.next_probe_at <= now() AS due
         FROM worker w JOIN worker_probe p ON p.worker_id = w.id WHERE w.id = $1`,
        [id],
      ),
    ).toEqual([
      {
        sealed_header: 'v1.k1.sealed',
        admin_state: 'disabled',
        weight: 8,
        generation: 3,
        health: 'unknown',
        probed: 3,
        due: true,
      },
    ]);
    expect((await eventsOf(id)).at(-1)).toMatchObject({ kind: 'restored', before: null, undoes: deleted });
    await expect(undo(deleted)).rejects.toThrow(`worker ${id} exists`);
  });

  it('takes a switch back, also one that was followed by the service', async () => {
    const id = await worker();
    await change(id, { admin_state: 'draining' });
    const drained = await newest();
    await change(id, { admin_state: 'offline' });
    await expect(undo(drained)).rejects.toThrow('admin_state of worker');
    await undo(drained, true);
    expect((await eventsOf(id)).at(-1)).toMatchObject({
      kind: 'enabled',
      before: { admin_state: 'offline' },
      after: { admin_state: 'enabled' },
      undoes: drained,
    });
  });

  it('takes everything of one actor back when the newest is taken back first', async () => {
    const id = await worker({ weight: 1 });
    await database.query(`BEGIN; SET LOCAL mmm.actor = 'mallory'; UPDATE worker SET weight = 2 WHERE id = '${id}';
      UPDATE worker SET weight = 3, owner = 'x' WHERE id = '${id}'; UPDATE worker SET admin_state = 'disabled' WHERE id = '${id}';
      DELETE FROM worker WHERE id = '${id}'; COMMIT`);
    await database.query(
      `SELECT undo_event(id) FROM (SELECT id FROM event WHERE actor LIKE 'psql:%/mallory' ORDER BY id DESC OFFSET 0) AS e`,
    );
    expect(await rowOf(id)).toMatchObject({ row: { weight: '1', owner: '', admin_state: 'enabled' } });
  });

  it('writes a row once for each event, however many columns changed', async () => {
    await database.query(`INSERT INTO worker (model_name, name, req_url_template) SELECT 'many', i, 'http://u/many/' FROM generate_series(1, 100) i;
      SET mmm.actor = 'many';
      UPDATE worker SET weight = 2, owner = 'x', body = '{"a": "{USER_PROMPT}"}', labels = '{"a": "b"}', total_ms = 5 WHERE model_name = 'many';
      RESET mmm.actor`);
    const client = new pg.Client(pgOptions(database.address, 'test'));
    await client.connect();
    onTestFinished(() => client.end());
    await client.query('BEGIN');
    await client.query(
      `SELECT undo_event(id) FROM event WHERE subject_name = 'many' AND actor LIKE '%/many' AND kind = 'changed' ORDER BY id`,
    );
    const { rows } = await client.query(
      `SELECT n_tup_upd::integer AS n FROM pg_stat_xact_user_tables WHERE relname = 'worker'`,
    );
    expect(rows).toEqual([{ n: 100 }]);
    await client.query('COMMIT');
    expect(await database.query(`SELECT FROM worker WHERE model_name = 'many' AND weight = 1`)).toHaveLength(
      100,
    );
  });

  it('names a worker as it was called at that time, also one that was renamed or deleted since', async () => {
    const [named, nameless] = [await worker({ name: 'first' }), await worker()];
    await change(named, { name: 'second' });
    await database.query(`SELECT record_requests($1, 'ejected', 'refused', 'host')`, [named]);
    await database.query(`UPDATE worker SET health = 'unhealthy' WHERE id IN ($1, $2)`, [named, nameless]);
    await database.query('DELETE FROM worker WHERE id IN ($1, $2)', [named, nameless]);
    await undo(await newestOf(named));
    const namesOf = async (id: string) =>
      (
        await database.query<{ worker_name: string | null }>(
          'SELECT worker_name FROM event WHERE subject_id = $1 ORDER BY id',
          [id],
        )
      ).map(({ worker_name: name }) => name);
    expect(await namesOf(named)).toEqual(['first', 'second', 'second', 'second', 'second', 'second']);
    expect(await namesOf(nameless)).toEqual(['', '', '']);
    await database.query(`INSERT INTO model (name) VALUES ('of no worker')`);
    await database.query(`DELETE FROM model WHERE name = 'of no worker'`);
    expect(
      await database.query(`SELECT DISTINCT worker_name FROM event WHERE subject_name = 'of no worker'`),
    ).toEqual([{ worker_name: null }]);
  });

  it('refuses to overwrite later changes, to take back what probes found, and what it does not know', async () => {
    const id = await worker();
    await change(id, { weight: 2 });
    const first = await newest();
    await change(id, { weight: 3 });
    await expect(undo(first)).rejects.toThrow(`weight of worker ${id} was changed since`);
    await undo(first, true);
    expect((await rowOf(id))?.row).toMatchObject({ weight: '1' });
    await change(id, { health: 'unhealthy', health_reason: 'no answer' });
    await expect(undo(await newest())).rejects.toThrow('(unhealthy) cannot be undone');
    await expect(undo('999999999')).rejects.toThrow('there is no event 999999999');
    await database.query('DELETE FROM worker WHERE id = $1', [id]);
    await expect(undo(first)).rejects.toThrow(`worker ${id} is deleted`);
  });

  it('obeys the unique key and the checks, and changes nothing when it is refused', async () => {
    const id = await worker({ req_url_template: 'http://taken/' });
    await change(id, { req_url_template: 'http://elsewhere/' });
    const moved = await newest();
    await worker({ req_url_template: 'http://taken/' });
    await expect(undo(moved)).rejects.toThrow('another worker has the model, URL and name');
    expect((await rowOf(id))?.generation).toBe(2);
    await change(id, { weight: 500 });
    await change(id, { weight: 2 });
    await database.query('ALTER TABLE worker ADD CONSTRAINT few CHECK (weight < 400) NOT VALID');
    onTestFinished(async () => {
      await database.query('ALTER TABLE worker DROP CONSTRAINT few');
    });
    await expect(undo(await newest())).rejects.toThrow('few');
  });

  it('keeps no credential in clear text, and says which value is to be given again', async () => {
    const id = await worker({ body: '{"p": "{USER_PROMPT}", "api_key": "sk-very-secret"}' });
    await change(id, {
      body: '{"p": "{USER_PROMPT}"}',
      req_url_template: 'http://u:pw@host/?key=sk-very-secret',
    });
    await expect(undo(await newest())).rejects.toThrow('body held a credential in clear text');
    await database.query('DELETE FROM worker WHERE id = $1', [id]);
    await expect(undo(await newest())).rejects.toThrow('req_url_template held a credential');
    const stored = await database.query<{ text: string }>(
      'SELECT e::text AS text FROM event e WHERE subject_id = $1 UNION ALL SELECT u::text FROM event_undo u JOIN event e ON e.id = u.event_id WHERE subject_id = $1',
      [id],
    );
    expect(JSON.stringify(stored)).not.toMatch(/sk-very-secret|pw@/);
    expect((await eventsOf(id))[1]?.before).toMatchObject({
      body: { p: '{USER_PROMPT}', api_key: '<sealed>' },
    });
  });

  it('restores changed and deleted policies of models, and refuses a cycle of fallbacks', async () => {
    await database.query(
      `INSERT INTO model (name, fallbacks, retries, retry_on) VALUES ('a', '{b,"c d"}', 3, '{429,timeout}')`,
    );
    await database.query(`UPDATE model SET fallbacks = '{}', retries = NULL, queue_max = 5 WHERE name = 'a'`);
    await database.query(`DELETE FROM model WHERE name = 'a'`);
    const events = await database.query<{ id: string; kind: string; before: Row; after: Row }>(
      `SELECT id, kind, before, after FROM event WHERE subject = 'model' AND subject_name = 'a' ORDER BY id`,
    );
    expect(events.map(({ kind, before, after }) => ({ kind, before, after }))).toEqual([
      {
        kind: 'created',
        before: null,
        after: { fallbacks: ['b', 'c d'], retries: 3, retry_on: ['429', 'timeout'] },
      },
      {
        kind: 'changed',
        before: { fallbacks: ['b', 'c d'], retries: 3, queue_max: null },
        after: { fallbacks: [], retries: null, queue_max: 5 },
      },
      { kind: 'deleted', before: { queue_max: 5, retry_on: ['429', 'timeout'] }, after: null },
    ]);
    for (const { id } of events.slice(1).toReversed()) await undo(id);
    expect(
      await database.query('SELECT fallbacks, retries, retry_on, queue_max, generation FROM model'),
    ).toEqual([
      { fallbacks: ['b', 'c d'], retries: 3, retry_on: ['429', 'timeout'], queue_max: null, generation: 4 },
    ]);
    await undo(await newest());
    await database.query(`INSERT INTO model (name, fallbacks) VALUES ('b', '{a}')`);
    await expect(undo(events[1]?.id ?? '', true)).rejects.toThrow(
      'the fallbacks of model a would form a cycle',
    );
  });
});

describe('the history', () => {
  it('says by whom and how: the role that logged in, and the actor that was set', async () => {
    const id = await worker();
    await database.query(
      `BEGIN; SET LOCAL mmm.actor = 'alice: INC-42'; UPDATE worker SET weight = 5 WHERE id = '${id}'; COMMIT`,
    );
    await database.query(
      `BEGIN; SET LOCAL mmm.actor = 'health'; UPDATE worker SET health = 'healthy' WHERE id = '${id}'; COMMIT`,
    );
    await database.query(
      `BEGIN; SET LOCAL mmm.actor = 'some key'; SET LOCAL mmm.via = 'api'; UPDATE worker SET weight = 6 WHERE id = '${id}'; COMMIT`,
    );
    const [{ me } = { me: '' }] = await database.query<{ me: string }>('SELECT session_user AS me');
    expect(
      await database.query(
        'SELECT kind, actor, via, role, before, after FROM event WHERE subject_id = $1 ORDER BY id OFFSET 1',
        [id],
      ),
    ).toEqual([
      {
        kind: 'changed',
        actor: `psql:${me}/alice: INC-42`,
        via: 'psql',
        role: me,
        before: { weight: 1 },
        after: { weight: 5 },
      },
      {
        kind: 'healthy',
        actor: 'health',
        via: 'service',
        role: me,
        before: { health: 'unknown' },
        after: { health: 'healthy' },
      },
      {
        kind: 'changed',
        actor: 'some key',
        via: 'api',
        role: me,
        before: { weight: 5 },
        after: { weight: 6 },
      },
    ]);
  });

  it('knows the same names of credentials as a registration', async () => {
    const [row] = await database.query<{ names: string }>('SELECT event_credentials() AS names');
    expect(row?.names.split('|').toSorted()).toEqual([...CREDENTIAL_NAMES].toSorted());
  });

  it('hides what a registration refuses as a credential, and nothing else', async () => {
    const names = fc.constantFrom(
      'api_key',
      'API-Key',
      'secret',
      'token',
      'key',
      'password',
      'model',
      'max_tokens',
      'url',
      'p"q',
    );
    const values = fc.constantFrom(
      'x',
      '',
      ' ',
      '{USER_PROMPT}',
      'a {USER_PROMPT}',
      '${secret:A}',
      'Bearer ${secret:A}',
      'a ${secret:A}',
      'say "api_key": "y"',
      'back\\',
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        values,
        fc.integer(),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(names, tie('value'), { maxKeys: 4 }),
      ),
    }));
    const definitions = fc.array(
      fc.record({
        column: fc.constantFrom('body', 'req_param'),
        json: fc.dictionary(names, value, { maxKeys: 4 }),
      }),
      { minLength: 30, maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(definitions, async (all) => {
        const shown = await database.query<{ masked: unknown }>(
          `SELECT event_masked((each ->> 'json')::jsonb, each ->> 'column') AS masked FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS a (each, n) ORDER BY n`,
          [JSON.stringify(all)],
        );
        for (const [at, { column, json }] of all.entries()) {
          const found = clearCredentials({ req_url_template: 'http://u/', [column]: json });
          const masked = shown[at]?.masked;
          expect(isDeepStrictEqual(masked, JSON.parse(JSON.stringify(json)))).toBe(found.size === 0);
          expect(
            clearCredentials({ req_url_template: 'http://u/', [column]: withoutMarks(masked) }).size,
          ).toBe(0);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('hides the headers that are sealed at a registration', async () => {
    const headers = fc.dictionary(
      fc.constantFrom('accept', 'User-Agent', 'Authorization', 'x-api-key', 'x-any'),
      fc.constantFrom('a', 'Bearer abc', '${secret:A}', 'Bearer ${secret:A}', 'x${secret:A}'),
    );
    await fc.assert(
      fc.asyncProperty(headers, async (header) => {
        const [row] = await database.query<{ masked: Row }>(`SELECT event_headers($1::jsonb) AS masked`, [
          JSON.stringify(header),
        ]);
        const { plain, sensitive } = splitHeaders(header);
        expect(row?.masked).toEqual({
          ...plain,
          ...Object.fromEntries(Object.keys(sensitive).map((name) => [name, '<sealed>'])),
        });
      }),
      { numRuns: 30 },
    );
  });

  it('hides the headers of every step of long work', async () => {
    const header = { Authorization: 'Bearer abc', Accept: 'a' };
    const poll = {
      status: { url: '/tasks?key=abc&id={TASK}', header },
      result: { as: 'url', request: { url: '/x', header } },
      cancel: [{ url: '/y' }, { url: '/z', header }],
    };
    const id = await worker({ poll: JSON.stringify(poll) });
    await change(id, { poll: JSON.stringify({ ...poll, cancel: { url: '/y', header } }) });
    const [, changed] = await eventsOf(id);
    expect(JSON.stringify(changed)).not.toContain('abc');
    const hidden = { Authorization: '<sealed>', Accept: 'a' };
    expect([changed?.before, changed?.after]).toMatchObject([
      {
        poll: {
          status: { url: '/tasks?key=<sealed>&id={TASK}', header: hidden },
          cancel: [{}, { header: hidden }],
        },
      },
      { poll: { result: { request: { header: hidden } }, cancel: { header: hidden } } },
    ]);
  });

  it('is written by nothing but its functions, whatever is granted to the role of the service', async () => {
    const role = `service_${Date.now()}`;
    await database.query(`CREATE ROLE ${role} LOGIN PASSWORD 'test'; GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role};
      GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${role};
      GRANT EXECUTE ON FUNCTION record_requests(uuid, text, text, text), purge_events(integer, integer) TO ${role}`);
    onTestFinished(async () => {
      await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    });
    const service = await loggedInAs(role);
    const id = await worker();
    await service.query(`UPDATE worker SET weight = 9 WHERE id = '${id}'`);
    await service.query(`SELECT undo_event(max(id)) FROM event WHERE subject_id = '${id}'`);
    await service.query(`SELECT record_requests('${id}', 'ejected', 'refused', 'host')`);
    expect(
      await database.query(
        'SELECT kind, actor, via, role FROM event WHERE subject_id = $1 ORDER BY id OFFSET 1',
        [id],
      ),
    ).toEqual([
      { kind: 'changed', actor: `psql:${role}`, via: 'psql', role },
      { kind: 'changed', actor: `psql:${role}`, via: 'psql', role },
      { kind: 'ejected', actor: 'requests on host', via: 'service', role },
    ]);
    for (const forgery of [
      `DELETE FROM event`,
      `UPDATE event SET actor = 'x'`,
      `TRUNCATE event`,
      `INSERT INTO event (subject_id, subject_name, kind, actor) VALUES ('${id}', 'm', 'changed', 'api')`,
      `DELETE FROM event_undo`,
      `DELETE FROM worker_event`,
      `UPDATE worker_event SET actor = 'x'`,
      `INSERT INTO worker_event (worker_id, model_name, req_url_template, kind, actor, generation) VALUES ('${id}', 'm', 'http://u/', 'changed', 'api', 1)`,
      `SELECT record_requests('${id}', 'deleted', '', 'host')`,
      `SELECT record_event('worker', '${id}', 'm', '', 'changed', '', 1, NULL, NULL, NULL, NULL)`,
    ])
      expect([
        forgery,
        await service.query(forgery).catch((error: unknown) => (error as pg.DatabaseError).code),
      ]).toEqual([forgery, '42501']);
    await service.query(`SET mmm.restoring = 'on'; UPDATE worker SET weight = 10 WHERE id = '${id}'`);
    await service.query(`SELECT purge_events(0, 1000000)`);
    expect(await eventsOf(id)).toHaveLength(5);
  });

  it('is read, written and purged by the release before under its old name', async () => {
    const id = await worker();
    await database.query(
      `WITH noted AS (SELECT $1::uuid AS worker_id, 'ejected' AS kind, 'two refused' AS detail)
       INSERT INTO worker_event (worker_id, model_name, req_url_template, kind, detail, actor, generation)
       SELECT w.id, w.model_name, w.req_url_template, noted.kind, noted.detail, 'requests on ' || $2, w.generation
       FROM noted JOIN worker w ON w.id = noted.worker_id`,
      [id, 'host'],
    );
    expect(
      await database.query(
        'SELECT kind, detail, actor, generation FROM worker_event WHERE worker_id = $1 ORDER BY id DESC LIMIT 50',
        [id],
      ),
    ).toEqual([
      { kind: 'ejected', detail: 'two refused', actor: 'requests on host', generation: 1 },
      { kind: 'registered', detail: '', actor: expect.stringMatching('^psql:'), generation: 1 },
    ]);
    await database.query(
      `UPDATE event SET at = now() - interval '100 days' WHERE subject_id = $1 AND kind = 'registered'`,
      [id],
    );
    await database.query(
      `DELETE FROM worker_event WHERE id IN (SELECT id FROM worker_event WHERE at < now() - make_interval(days => $1) LIMIT 10000)`,
      [90],
    );
    expect((await eventsOf(id)).map(({ kind }) => kind)).toEqual(['ejected']);
  });
});

describe('a data-only restore', () => {
  /** As pg_dump orders them: by name, and behind the tables that they refer to. */
  const TABLES = [
    'event',
    'event_undo',
    'worker',
    'job',
    'job_event',
    'model',
    'worker_probe',
    'team',
    'session_end',
  ];
  const rowsOf = async (of: TestDatabase, table: string) => {
    const [row] = await of.query<{ rows: string }>(
      `SELECT coalesce(json_agg(t ORDER BY t::text), '[]')::text AS rows FROM ${table} t`,
    );
    return row?.rows ?? '[]';
  };

  it('keeps history, probes and policies as they were, when mmm.restoring is set', async () => {
    const source = await databaseForTest();
    await source.query(`INSERT INTO worker (model_name, req_url_template) SELECT 'm', 'http://u/' || n FROM generate_series(1, 3) n;
      UPDATE worker SET weight = 5; DELETE FROM worker WHERE req_url_template = 'http://u/3';
      UPDATE worker_probe SET failures_in_row = 2, last_detail = 'refused';
      INSERT INTO model (name, retries) VALUES ('m', 3); UPDATE model SET retries = 4;
      INSERT INTO job (id, model_name, owner_key, kind, request, queue_until) VALUES (gen_random_uuid(), 'm', '', 'video', '{}', now());
      UPDATE job SET cancel_wanted = true;
      INSERT INTO team (name) VALUES ('t'); INSERT INTO session_end (user_name) VALUES ('ann')`);
    const target = await databaseForTest();
    const client = await connected({ ...pgOptions(target.address), options: '-c mmm.restoring=on' });
    for (const table of TABLES)
      await client.query(
        `INSERT INTO ${table} OVERRIDING SYSTEM VALUE SELECT * FROM json_populate_recordset(NULL::${table}, $1)`,
        [await rowsOf(source, table)],
      );
    await client.query(`SELECT setval('event_id_seq', (SELECT max(id) FROM event))`);
    for (const table of TABLES)
      expect([table, await rowsOf(target, table)]).toEqual([table, await rowsOf(source, table)]);
    const [deleted] = await target.query<{ id: string }>(`SELECT id FROM event WHERE kind = 'deleted'`);
    await target.query('SELECT undo_event($1)', [deleted?.id]);
    expect(await target.query(`SELECT weight FROM worker WHERE req_url_template = 'http://u/3'`)).toEqual([
      { weight: 5 },
    ]);
  });

  it('of the workers alone leaves none without probes', async () => {
    const target = await databaseForTest();
    const client = await connected({ ...pgOptions(target.address), options: '-c mmm.restoring=on' });
    await client.query(`INSERT INTO worker (model_name, req_url_template) VALUES ('m', 'http://u/')`);
    expect(
      await target.query('SELECT p.generation FROM worker w JOIN worker_probe p ON p.worker_id = w.id'),
    ).toEqual([{ generation: 1 }]);
    expect(await target.query('SELECT FROM event')).toEqual([]);
  });
});

/** What replaced a credential is no credential. */
function withoutMarks(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll('<sealed>', ''));
}

const loggedInAs = (role: string): Promise<pg.Client> =>
  connected(pgOptions(asRole(database.address, role), 'test'));

async function connected(options: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(options);
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}
