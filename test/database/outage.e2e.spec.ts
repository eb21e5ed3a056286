import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { dataSourceOptions } from '../../src/database/data-source.js';
import { databaseError, DatabaseUnavailableError } from '../../src/database/database-unavailable-error.js';
import { databaseForTest } from '../database.js';
import { databaseBehindProxy } from '../database-behind-proxy.js';
import { startFakeUpstream, text } from '../fakes/fake-upstream.js';
import { startProcess } from '../process.js';
import { printedRandom } from '../seeded-random.js';
import { type Answer, serviceForTest } from '../service.js';
import { PATIENT_MS, until } from '../until.js';

const random = printedRandom('database outage');

async function worker(model: string): Promise<Readonly<Record<string, unknown>>> {
  const upstream = await startFakeUpstream(text('hello'));
  onTestFinished(() => upstream.close());
  return { model_name: model, req_url_template: `${upstream.url}/x`, body: { q: '{USER_PROMPT}' } };
}

function expectUnavailable({ status, headers, json }: Pick<Answer, 'status' | 'headers' | 'json'>): void {
  expect(status).toBe(503);
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  expect(json).toMatchObject({ success: false, msg: expect.stringContaining('is not available') as string });
}

/** Calls repeatedly from several clients at once. @returns the distinct answers */
async function gather(
  clients: number,
  isOver: () => boolean,
  call: () => Promise<number>,
): Promise<ReadonlySet<number>> {
  const answers = new Set<number>();
  const client = async (): Promise<void> => {
    while (!isOver()) answers.add(await call());
  };
  await Promise.all(Array.from({ length: clients }, client));
  return answers;
}

describe('an outage of PostgreSQL', () => {
  it('answers 503 to writes while PostgreSQL is away at the start or later, and goes on serving chats', async () => {
    const { url, proxy, database } = await databaseBehindProxy();
    await proxy.cut();
    const service = await startProcess({ DATABASE_URL: url }).listening();
    const m = await worker('m');

    expect((await service.get('/livez')).status).toBe(200);
    expect((await service.get('/readyz')).status).toBe(503);
    expectUnavailable(await service.register(m));
    expect((await service.chat('m', 'hi')).status).toBe(503);

    await proxy.open();
    await service.ready();
    expect((await service.register(m)).status).toBe(200);

    await proxy.cut();
    for (let i = 0; i < 50; i++) expect((await service.chat('m', 'hi')).status).toBe(200);
    const n = await worker('n');
    expectUnavailable(await service.register(n));
    const { model_name, req_url_template } = m;
    expectUnavailable(await service.post('/api/server/offline', { model_name, req_url_template }));
    expect(await service.get('/api/server/workers')).toMatchObject({
      status: 200,
      json: { success: true, data: [{ model_name, req_url_template }] },
    });
    expect((await service.get('/readyz')).status).toBe(200);
    await database.query(`UPDATE worker SET admin_state = 'disabled'`);
    expect((await service.chat('m', 'hi')).status).toBe(200);

    await proxy.open();
    await until(async () => (await service.register(n)).status === 200);
    await until(async () => (await service.chat('m', 'hi')).status === 503);
    expect((await service.chat('n', 'hi')).status).toBe(200);

    await proxy.cut();
    expect(await service.stop()).toEqual({ code: 0, signal: null });
    expect(service.stderr).toBe('');
  });

  it('treats a PostgreSQL that refuses connections like one that is away', async () => {
    const database = await databaseForTest();
    const service = await serviceForTest({}, database);
    const other = await databaseForTest();
    const rows = await database.query<{ name: string }>('SELECT current_database() AS name');
    const name = rows[0]?.name ?? '';
    await other.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await other.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
    const refused = await worker('m');
    for (let i = 0; i < 20; i++) expectUnavailable(await service.register(refused));
    await other.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    const m = await worker('m');
    await until(async () => (await service.register(m)).status === 200);
    expect((await service.chat('m', 'hi')).status).toBe(200);
  });

  it('answers a registration with 503 at most while PostgreSQL ends sessions, and serves every chat', async () => {
    const database = await databaseForTest();
    const other = await databaseForTest();
    const service = await serviceForTest({}, database);
    const m = await worker('m');
    await service.register(m);
    const rows = await database.query<{ name: string }>('SELECT current_database() AS name');
    const startedMs = performance.now();
    const statuses = new Set<number>();
    // A busy machine needs longer to answer between two ends.
    const isOver = (): boolean => {
      const ms = performance.now() - startedMs;
      return (ms > 2_000 && statuses.has(200) && statuses.has(503)) || ms > PATIENT_MS;
    };
    const ending = (async () => {
      while (!isOver()) {
        await other.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [
          rows[0]?.name,
        ]);
        await sleep(random() * 80);
      }
    })();
    // Without probes: there will be hundreds of workers.
    const quiet = { ...m, health_check: { kind: 'none' } };
    const registering = gather(4, isOver, async () => {
      const { status } = await service.register({ ...quiet, name: randomUUID() });
      statuses.add(status);
      return status;
    });
    const chatting = gather(2, isOver, async () => (await service.chat('m', 'hi')).status);
    const [answers, chatted] = await Promise.all([registering, chatting, ending]);
    expect(answers).toEqual(new Set([200, 503]));
    expect(chatted).toEqual(new Set([200]));
    expect(service.log.filter(({ level }) => Number(level) >= 50)).toEqual([]);
    await until(async () => (await service.register({ ...m, name: 'after' })).status === 200);
  });

  it('detects a PostgreSQL that falls silent, and goes on with new connections', async () => {
    const { url, proxy, database } = await databaseBehindProxy();
    const source = new DataSource(dataSourceOptions({ url }, 'public', 3, 2_000));
    await source.initialize();
    onTestFinished(() => source.destroy());
    const query = (): Promise<unknown> => source.query('SELECT pg_sleep(0.05), count(*) FROM worker');
    await Promise.all([query(), query(), query()]);
    proxy.silence();
    const failures = await Promise.all(
      [query(), query(), query()].map((answer) => answer.catch(databaseError)),
    );
    for (const failure of failures) expect(failure).toBeInstanceOf(DatabaseUnavailableError);
    await Promise.all([query(), query(), query()]);
    expect(await database.query('SELECT 1')).toHaveLength(1);
  });
});
