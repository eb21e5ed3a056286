import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asRole, createDatabase, type TestDatabase } from '../database.js';
import { startService, type TestService } from '../service.js';

/** PostgreSQL's Appendix A: every one is over after a while, so that the statement may be repeated. */
const STATES = {
  '55P03': 'lock_not_available',
  '57014': 'query_canceled',
  '40P01': 'deadlock_detected',
  '40001': 'serialization_failure',
  '25006': 'read_only_sql_transaction',
  '25P03': 'idle_in_transaction_session_timeout',
  '25P04': 'transaction_timeout',
  '53300': 'too_many_connections',
  '53100': 'disk_full',
  '57P01': 'admin_shutdown',
  '57P02': 'crash_shutdown',
  '57P03': 'cannot_connect_now',
  '08006': 'connection_failure',
  '08003': 'connection_does_not_exist',
};
const GIVES_WAY = ['55P03', '57014', '40P01', '40001'];

/**
 * The service's role reads and writes every row under a policy that raises the SQLSTATE in the table `fault`: statements of
 * every request fail in the server itself, and no others.
 */
const PROVOKE = `
  CREATE TABLE fault (state text);
  CREATE FUNCTION provoked() RETURNS boolean LANGUAGE plpgsql AS $$ DECLARE wanted text; BEGIN
    SELECT state INTO wanted FROM fault;
    IF wanted IS NOT NULL THEN RAISE EXCEPTION 'provoked' USING ERRCODE = wanted; END IF;
    RETURN true;
  END $$;
  DO $$ DECLARE relation text; BEGIN
    FOR relation IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
      AND relname NOT IN ('migration', 'fault') LOOP
      EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', relation);
      EXECUTE format('CREATE POLICY provoked ON %I USING (provoked()) WITH CHECK (provoked())', relation);
    END LOOP;
  END $$;`;

const KEY = { model_name: 'painter', req_url_template: 'http://127.0.0.1:9/paint' };

interface Ids {
  readonly worker: string;
  readonly job: string;
  readonly film: string;
}

/** Every route that needs the database: `METHOD path`, and its body. */
const ROUTES: readonly (readonly [string, (ids: Ids) => string, object?])[] = [
  ['POST', () => '/api/server/register', { ...painter(), weight: 2 }],
  ['POST', () => '/api/server/register', { ...painter(), name: 'new' }],
  ['POST', () => '/api/server/offline', KEY],
  ['POST', () => '/api/server/heartbeat', KEY],
  ['GET', () => '/api/v1/workers'],
  ['GET', ({ worker }) => `/api/v1/workers/${worker}`],
  ['GET', () => '/api/v1/models'],
  ['GET', () => '/api/v1/models/painter'],
  ['POST', () => '/api/v1/workers', { ...painter(), name: 'new' }],
  ['PUT', () => '/api/v1/workers', { ...painter(), weight: 3 }],
  ['PATCH', ({ worker }) => `/api/v1/workers/${worker}`, { weight: 4 }],
  ['DELETE', ({ worker }) => `/api/v1/workers/${worker}`],
  ['POST', ({ worker }) => `/api/v1/workers/${worker}/enable`, {}],
  ['POST', ({ worker }) => `/api/v1/workers/${worker}/disable`, {}],
  ['POST', ({ worker }) => `/api/v1/workers/${worker}/drain`, {}],
  ['POST', ({ worker }) => `/api/v1/workers/${worker}/offline`, {}],
  ['GET', ({ worker }) => `/api/v1/workers/${worker}/events`],
  ['POST', ({ worker }) => `/api/v1/workers/${worker}/probe`, {}],
  ['PUT', () => '/api/v1/models/painter', { retries: 1 }],
  ['DELETE', () => '/api/v1/models/painter'],
  ['POST', () => '/api/v1/jobs', { model: 'painter', prompt: 'a cat' }],
  ['GET', () => '/api/v1/jobs'],
  ['GET', ({ job }) => `/api/v1/jobs/${job}`],
  ['DELETE', ({ job }) => `/api/v1/jobs/${job}`],
  ['GET', ({ job }) => `/api/v1/jobs/${job}/events`],
  ['GET', ({ job }) => `/api/v1/jobs/${job}/files/0`],
  ['POST', () => '/v1/videos', { model: 'filmer', prompt: 'a cat' }],
  ['GET', () => '/v1/videos'],
  ['GET', ({ film }) => `/v1/videos/${film}`],
  ['DELETE', ({ film }) => `/v1/videos/${film}`],
  ['GET', ({ film }) => `/v1/videos/${film}/content`],
];

/** Answered from memory whatever the database says. */
const FROM_MEMORY: readonly ((ids: Ids) => string)[] = [
  () => '/api/server/workers',
  () => '/v1/models',
  () => '/v1/models/painter',
  () => '/health',
  () => '/metrics',
  () => '/livez',
];

function painter() {
  return {
    ...KEY,
    task: 'image',
    body: { prompt: '{USER_PROMPT}' },
    response_extract: 'url',
    heartbeat_ttl_s: 3600,
  };
}

describe('a statement that fails with a SQLSTATE of the server', () => {
  let database: TestDatabase;
  let service: TestService;
  let ids: Ids;
  const role = `served_${Date.now()}`;

  beforeAll(async () => {
    database = await createDatabase();
    await database.query(`${PROVOKE} CREATE ROLE ${role} LOGIN PASSWORD 'test';
      GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${role}`);
    service = await startService({}, { ...database, address: asRole(database.address, role) });
    await service.register(painter());
    await service.register({ ...painter(), model_name: 'filmer', task: 'video' });
    const workers = await database.query<{ id: string }>('SELECT id FROM worker ORDER BY model_name DESC');
    for (const { id } of workers) await service.post(`/api/v1/workers/${id}/disable`, {});
    await database.query("INSERT INTO model (name, retries) VALUES ('painter', 2)");
    const job = await service.post('/api/v1/jobs', { model: 'painter', prompt: 'a cat' });
    const film = await service.post('/v1/videos', { model: 'filmer', prompt: 'a cat' });
    const idOf = ({ json }: { json: unknown }) => (json as { id: string }).id;
    ids = { worker: workers[0]?.id ?? '', job: idOf(job), film: idOf(film) };
  });
  afterAll(async () => {
    await service.stop();
    await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    await database.drop();
  });

  const call = async (method: string, path: string, body?: object) => {
    const init =
      body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const response = await fetch(service.url + path, { method, ...init });
    return {
      status: response.status,
      retryAfter: response.headers.get('retry-after'),
      text: await response.text(),
    };
  };

  it.each(Object.entries(STATES))(
    'answers 503 with Retry-After on every route, for %s (%s)',
    async (state) => {
      const before = service.log.length;
      await database.query('INSERT INTO fault VALUES ($1)', [state]);
      try {
        const message = GIVES_WAY.includes(state) ? 'is busy with another change' : 'is not available';
        const others: unknown[] = [];
        for (const [method, path, body] of ROUTES) {
          const { status, retryAfter, text } = await call(method, path(ids), body);
          if (status !== 503 || retryAfter !== '5' || !text.includes(message))
            others.push([method, path(ids), status, retryAfter, text]);
        }
        for (const path of FROM_MEMORY) {
          const { status, text } = await call('GET', path(ids));
          if (status !== 200) others.push([path(ids), status, text]);
        }
        expect(others).toEqual([]);
      } finally {
        await database.query('DELETE FROM fault');
      }
      const errors = service.log
        .slice(before)
        .filter(({ level, err }) => Number(level) >= 50 || err !== undefined);
      expect(errors).toEqual([]);
      expect((await call('GET', `/api/v1/jobs/${ids.job}`)).status).toBe(200);
    },
  );
});
