import { ScheduleModule } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigModule } from '../src/config/config.module.js';
import { readEnvironment } from '../src/config/environment.js';
import type { HealthSettings, Settings } from '../src/config/settings.js';
import { type DatabaseAddress, dataSourceOptions, pgOptions } from '../src/database/data-source.js';
import { Database } from '../src/database/database.js';
import { DatabaseModule } from '../src/database/database.module.js';
import { HealthModule } from '../src/health/health.module.js';
import { ProbeLeases, type Claim } from '../src/health/probe-leases.js';
import { sighting } from '../src/health/sighting.js';
import { LiveWorkers } from '../src/registry/live-workers.js';
import { databaseForTest, type TestDatabase } from './database.js';
import { startFakeUpstream, type Behaviour, type FakeUpstream } from './fakes/fake-upstream.js';
import { TEST_KEYS, until } from './service.js';

const { health: usual, ...others }: { health: Rhythm } & Omit<Settings, 'health'> = readEnvironment({
  DATA_DIR: '/nonexistent',
  CREDENTIALS_KEYS: TEST_KEYS,
});
/** As a plain object, to be varied. */
type Rhythm = Pick<HealthSettings, keyof HealthSettings>;
const QUICK: Rhythm = {
  ...usual,
  intervalMs: 120,
  unsureIntervalMs: 50,
  downIntervalMs: 120,
  timeoutMs: 2_000,
  tickMs: 20,
  leaseMs: 5_000,
};

/** One replica's checker, with all it needs and nothing else, on a database that others may share. */
async function startChecker(
  database: TestDatabase,
  own: Partial<Rhythm> = {},
  address: DatabaseAddress = database.address,
) {
  const module = await Test.createTestingModule({
    imports: [
      ConfigModule.of({ ...others, health: { ...QUICK, ...own } }),
      DatabaseModule.at({ pooled: address, direct: address }),
      ScheduleModule.forRoot(),
      HealthModule,
    ],
  }).compile();
  const lines: string[] = [];
  const keep = (level: string) => (message: unknown) => lines.push(`${level} ${String(message)}`);
  module.useLogger({ log: keep('log'), warn: keep('warn'), error: keep('error') });
  await module.init();
  let closing: Promise<void> | null = null;
  const stop = () => (closing ??= module.close());
  onTestFinished(stop);
  return { stop, lines, live: module.get(LiveWorkers, { strict: false }) };
}

async function anUpstream(behaviour?: Behaviour): Promise<FakeUpstream> {
  const upstream = await startFakeUpstream(behaviour);
  onTestFinished(() => upstream.close());
  return upstream;
}

/** As a DBA would by hand. */
async function insertWorker(
  database: TestDatabase,
  url: string,
  healthCheck: unknown = null,
  body: unknown = { input: '{USER_PROMPT}' },
): Promise<string> {
  const rows = await database.query<{ id: string }>(
    `INSERT INTO worker (model_name, req_url_template, health_check, body) VALUES ('m', $1, $2, $3) RETURNING id`,
    [url, healthCheck === null ? null : JSON.stringify(healthCheck), JSON.stringify(body)],
  );
  return rows[0]?.id ?? '';
}

interface Row {
  readonly health: string;
  readonly health_reason: string;
  readonly last_ok: boolean | null;
  readonly last_detail: string;
  readonly last_probe_at: Date | null;
  readonly lease_owner: string | null;
  readonly failures_in_row: number;
  readonly successes_in_row: number;
}

async function rowOf(database: TestDatabase, id: string): Promise<Row> {
  const [row] = await database.query<Row>(
    'SELECT * FROM worker w JOIN worker_probe p ON p.worker_id = w.id WHERE w.id = $1',
    [id],
  );
  if (row === undefined) throw new Error('no such worker');
  return row;
}

const untilHealthIs = (database: TestDatabase, id: string, health: string) =>
  until(async () => (await rowOf(database, id)).health === health);

/** The leases of a replica that does nothing but what the test makes it do. */
async function someLeases(database: TestDatabase, leaseMs: number): Promise<ProbeLeases> {
  const source = await new DataSource(dataSourceOptions(database.address, 'public', 2)).initialize();
  onTestFinished(() => source.destroy());
  return new ProbeLeases(new Database(source), { ...QUICK, leaseMs }, others.database);
}

/** What a probe would have written that found the worker well. */
function wentWell(claim: Claim) {
  const seen = sighting(true, 'GET /health answered 200 in 1 ms', 1, false);
  const after = { health: 'healthy', reason: seen.detail, failuresInRow: 0, successesInRow: 1 } as const;
  return { claim, seen, after, nextProbeMs: 60_000 };
}

describe('the health checker', () => {
  it('marks a killed worker unhealthy with a reason, and healthy again when it is back', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream();
    const id = await insertWorker(database, `${upstream.url}/api/generate`);
    const { live, lines } = await startChecker(database);

    await untilHealthIs(database, id, 'healthy');
    expect((await rowOf(database, id)).health_reason).toMatch(/^GET \/health answered 200 in \d+ ms$/);

    await upstream.kill();
    await untilHealthIs(database, id, 'unhealthy');
    expect((await rowOf(database, id)).health_reason).toBe(
      `3 probes in a row failed: connection refused by 127.0.0.1:${upstream.port}`,
    );
    await until(() => live.worker(id)?.health === 'unhealthy');

    await upstream.revive();
    await untilHealthIs(database, id, 'healthy');
    await until(() => live.worker(id)?.health === 'healthy');

    const events = await database.query('SELECT kind, actor, detail FROM worker_event ORDER BY id OFFSET 1');
    expect(events).toEqual([
      { kind: 'healthy', actor: 'health', detail: expect.stringContaining('answered 200') },
      { kind: 'unhealthy', actor: 'health', detail: expect.stringContaining('connection refused') },
      { kind: 'recovered', actor: 'health', detail: expect.stringContaining('answered 200') },
    ]);
    expect(lines.filter((line) => line.includes(id)).map((line) => line.split(' ')[0])).toEqual([
      'log',
      'warn',
      'log',
    ]);
  });

  it('probes a new worker at once, and notices one inserted by hand', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream();
    await startChecker(database, { intervalMs: 3_600_000 });
    const id = await insertWorker(database, `${upstream.url}/api`);
    await untilHealthIs(database, id, 'healthy');
    expect(upstream.probes).toBe(1);
  });

  it('probes what is enabled or draining, and nothing else', async () => {
    const database = await databaseForTest();
    const upstreams = await Promise.all([1, 2, 3, 4].map(() => anUpstream()));
    const states = ['enabled', 'draining', 'disabled', 'offline'];
    for (const [index, upstream] of upstreams.entries()) {
      const id = await insertWorker(database, `${upstream.url}/api`);
      await database.query('UPDATE worker SET admin_state = $2 WHERE id = $1', [id, states[index]]);
    }
    await startChecker(database);
    await until(() => upstreams.slice(0, 2).every((upstream) => upstream.probes >= 3));
    expect(upstreams.slice(2).map((upstream) => upstream.probes)).toEqual([0, 0]);
  });

  it('calls a worker with a faulty definition unhealthy without probing it, until it is mended', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream();
    const frozen = await insertWorker(database, `${upstream.url}/api`, null, { input: 'who are you?\u0000' });
    const odd = await insertWorker(database, `${upstream.url}/api/2`, { path: '//', timeout_ms: 'soon' });
    await startChecker(database);
    await untilHealthIs(database, frozen, 'unhealthy');
    await untilHealthIs(database, odd, 'unhealthy');
    expect((await rowOf(database, frozen)).health_reason).toMatch(/makes no sense.*USER_PROMPT/);
    expect((await rowOf(database, odd)).health_reason).toMatch(/makes no sense.*timeout_ms/);
    expect(upstream.probes).toBe(0);

    await database.query(`UPDATE worker SET body = '{"input":"{USER_PROMPT}"}' WHERE id = $1`, [frozen]);
    await database.query(`UPDATE worker SET health_check = NULL WHERE id = $1`, [odd]);
    await untilHealthIs(database, frozen, 'healthy');
    await untilHealthIs(database, odd, 'healthy');
  });

  it('understands tcp, none, hangs and garbage', async () => {
    const database = await databaseForTest();
    const [silent, garbled] = await Promise.all([anUpstream('hangs'), anUpstream('sends_garbage')]);
    const tcp = await insertWorker(database, `${silent.url}/tcp`, { kind: 'tcp' });
    const none = await insertWorker(database, 'http://nowhere.invalid/none', { kind: 'none' });
    const hangs = await insertWorker(database, `${silent.url}/hangs`, {
      path: '/slow?k=v',
      timeout_ms: 100,
      failures_down: 2,
    });
    const garbage = await insertWorker(database, `${garbled.url}/x`, { path: '/odd', failures_down: 2 });
    await startChecker(database);

    await untilHealthIs(database, tcp, 'healthy');
    await untilHealthIs(database, none, 'healthy');
    await untilHealthIs(database, hangs, 'unhealthy');
    await untilHealthIs(database, garbage, 'unhealthy');
    const reasons = await Promise.all(
      [tcp, none, hangs, garbage].map(async (id) => (await rowOf(database, id)).health_reason),
    );
    expect(reasons).toEqual([
      expect.stringMatching(/^127\.0\.0\.1:\d+ accepted a connection in \d+ ms$/),
      'not probed, as its health_check asks',
      `2 probes in a row failed: 127.0.0.1:${silent.port} was not done with GET /slow within 100 ms`,
      expect.stringMatching(/^2 probes in a row failed: 127\.0\.0\.1:\d+ answered something that is no HTTP/),
    ]);
  });

  it('notifies on verdicts, never on probes', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream();
    const id = await insertWorker(database, `${upstream.url}/api`);
    const notified = await countNotifications(database);
    await startChecker(database);
    await until(() => upstream.probes >= 5);
    await upstream.kill();
    await untilHealthIs(database, id, 'unhealthy');
    await until(async () => (await rowOf(database, id)).failures_in_row >= 6);
    await upstream.revive();
    await untilHealthIs(database, id, 'healthy');
    const probes = upstream.probes;
    await until(() => upstream.probes >= probes + 5);
    // unknown → healthy → unhealthy → healthy
    expect(notified()).toBe(3);
  });

  it('lets a slow probe hold up no other', async () => {
    const database = await databaseForTest();
    const [silent, quick] = await Promise.all([anUpstream('hangs'), anUpstream()]);
    await insertWorker(database, `${silent.url}/a`, { path: '/slow', timeout_ms: 14_000 });
    await startChecker(database, { concurrency: 2, leaseMs: 60_000 });
    await until(() => silent.calls === 1);
    await insertWorker(database, `${quick.url}/b`);
    await until(() => quick.probes >= 5);
    expect(silent.calls).toBe(1);
  });

  it('never overlaps itself, however slow the database', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream();
    await insertWorker(database, `${upstream.url}/api`);
    await startChecker(database);
    await until(() => upstream.probes >= 1);
    const release = await lockProbes(database);
    await until(async () => (await waiting(database, 'WITH due%')) === 1);
    for (let look = 0; look < 10; look++) {
      await sleep(50);
      expect(await waiting(database, 'WITH due%')).toBe(1);
    }
    await release();
    const before = upstream.probes;
    await until(() => upstream.probes >= before + 2);
  });

  it('outlives the loss of its database, saying so once, and goes on when it is back', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream();
    const id = await insertWorker(database, `${upstream.url}/api`);
    const road = await aRoadTo(database.address);
    const { lines } = await startChecker(database, {}, road.address);
    await untilHealthIs(database, id, 'healthy');

    await road.close();
    await until(() => lines.includes('warn not probing until the database is back'));
    await sleep(500);
    expect(lines.filter((line) => line.includes('probing'))).toHaveLength(1);

    await road.open();
    await until(() => lines.includes('log probing again'));
    const before = upstream.probes;
    await until(() => upstream.probes >= before + 2);
    expect(lines.filter((line) => line.startsWith('error'))).toEqual([]);
  });

  it('outlives an error of the database, and says it once', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream();
    await insertWorker(database, `${upstream.url}/api`);
    const { lines } = await startChecker(database, { leaseMs: 1_000 });
    await until(() => upstream.probes >= 1);
    await database.query('ALTER TABLE worker_probe RENAME TO worker_probe_hidden');
    await until(() => lines.some((line) => line.startsWith('error')));
    await sleep(300);
    await database.query('ALTER TABLE worker_probe_hidden RENAME TO worker_probe');
    const before = upstream.probes;
    await until(() => upstream.probes >= before + 2);
    expect(lines.filter((line) => line.startsWith('error'))).toHaveLength(1);
  });

  it('leaves no lease behind when it stops, and does not wait for probes that hang', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream('hangs');
    const warnings: Error[] = [];
    const keep = (warning: Error) => warnings.push(warning);
    process.on('warning', keep);
    onTestFinished(() => void process.off('warning', keep));
    for (let n = 0; n < 16; n++) {
      await insertWorker(database, `${upstream.url}/${n}`, { path: `/slow/${n}`, timeout_ms: 14_000 });
    }
    const checker = await startChecker(database, { leaseMs: 60_000 });
    await until(() => upstream.calls === 16);
    const leased = () => database.query('SELECT FROM worker_probe WHERE lease_owner IS NOT NULL');
    expect(await leased()).toHaveLength(16);
    const startedAt = Date.now();
    await checker.stop();
    expect(Date.now() - startedAt).toBeLessThan(10_000);
    expect(await leased()).toEqual([]);
    expect(await database.query('SELECT FROM worker_probe WHERE last_probe_at IS NOT NULL')).toEqual([]);
    expect(warnings).toEqual([]);
  });
});

describe('several replicas on one database', () => {
  it('probe each worker about once an interval, and all take part', async () => {
    const database = await databaseForTest();
    const upstreams = await Promise.all([1, 2, 3, 4, 5, 6].map(() => anUpstream()));
    for (const upstream of upstreams) await insertWorker(database, `${upstream.url}/api`);
    const startedAt = Date.now();
    await Promise.all([startChecker(database), startChecker(database), startChecker(database)]);
    const owners = new Set<string>();
    await until(async () => {
      const leased = await database.query<{ lease_owner: string }>(
        'SELECT lease_owner FROM worker_probe WHERE lease_owner IS NOT NULL',
      );
      for (const row of leased) owners.add(row.lease_owner);
      return owners.size === 3 && upstreams.every((upstream) => upstream.probes >= 8);
    });
    const shortestMs = QUICK.intervalMs * (1 - QUICK.jitter);
    const most = (Date.now() - startedAt) / shortestMs + 1;
    for (const upstream of upstreams) expect(upstream.probes).toBeLessThanOrEqual(most);
  });

  it('ask an origin about once an interval, however many workers share it', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream();
    for (let n = 0; n < 20; n++) await insertWorker(database, `${upstream.url}/api/${n}`);
    await Promise.all([startChecker(database), startChecker(database)]);
    await until(() => upstream.probes >= 4);
    const before = upstream.probes;
    const startedAt = Date.now();
    await until(() => upstream.probes >= before + 8);
    const intervals = (Date.now() - startedAt) / (QUICK.intervalMs * (1 - QUICK.jitter));
    // 20 workers that were probed each for itself would need 20 an interval.
    expect(upstream.probes - before).toBeLessThanOrEqual(2 * intervals + 2);
    const rows = await database.query<{ health: string; recent: boolean }>(
      `SELECT health, last_probe_at > now() - interval '2 s' AS recent FROM worker JOIN worker_probe ON worker_id = id`,
    );
    expect(rows).toHaveLength(20);
    for (const row of rows) expect(row).toEqual({ health: 'healthy', recent: true });
  });

  it('take over the worker of one that was killed, when its lease is up and not before', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream();
    const id = await insertWorker(database, `${upstream.url}/api`);
    const killed = await someLeases(database, 1_500);
    expect(await killed.claimDue(10)).toHaveLength(1);
    await startChecker(database);
    await untilHealthIs(database, id, 'healthy');
    const [late] = await database.query<{ ms: number }>(
      `SELECT extract(epoch FROM p.last_probe_at - w.created_at)::float8 * 1000 AS ms FROM worker w JOIN worker_probe p ON p.worker_id = w.id`,
    );
    expect(late?.ms).toBeGreaterThanOrEqual(1_500);
  });

  it('never claim one worker twice', async () => {
    const database = await databaseForTest();
    for (let n = 0; n < 30; n++) await insertWorker(database, `http://127.0.0.1:9/${n}`);
    const replicas = await Promise.all([1, 2, 3, 4].map(() => someLeases(database, 60_000)));
    const claimed = await Promise.all(
      replicas.flatMap((leases) => [leases.claimDue(5), leases.claimDue(5), leases.claimDue(5)]),
    );
    const ids = claimed.flat().map((claim) => claim.workerId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(30);
  });
});

describe('a result', () => {
  it('is dropped when the definition changed meanwhile', async () => {
    const database = await databaseForTest();
    const id = await insertWorker(database, 'http://127.0.0.1:9/');
    const leases = await someLeases(database, 60_000);
    const [claim] = await leases.claimDue(1);
    await database.query('UPDATE worker SET weight = 2');
    expect(claim === undefined ? null : await leases.record([wentWell(claim)])).toEqual([]);
    expect(await rowOf(database, id)).toMatchObject({
      health: 'unknown',
      successes_in_row: 0,
      last_ok: null,
    });
    expect(await leases.claimDue(1)).toHaveLength(1);
  });

  it('waits for a definition that is being changed, and never makes its author the victim of a deadlock', async () => {
    const database = await databaseForTest();
    await insertWorker(database, 'http://127.0.0.1:9/');
    const leases = await someLeases(database, 60_000);
    const claims = await leases.claimDue(1);
    const author = await aSession(database);
    await author.query('BEGIN; SELECT FROM worker FOR UPDATE');
    const recording = leases.record(claims.map(wentWell));
    await until(async () => (await waiting(database, '%worker%')) === 1);
    await author.query('UPDATE worker SET weight = 2');
    await author.query('COMMIT');
    expect(await recording).toEqual([]);
  });

  it('is dropped when its lease was over and taken, by another or by the same replica', async () => {
    const database = await databaseForTest();
    const id = await insertWorker(database, 'http://127.0.0.1:9/');
    const [brief, lasting] = [await someLeases(database, 1), await someLeases(database, 60_000)];
    const [first] = await brief.claimDue(1);
    await sleep(5);
    const [second] = await brief.claimDue(1);
    if (first === undefined || second === undefined) throw new Error('not claimed');
    expect(await brief.record([wentWell(first)])).toEqual([]);
    await sleep(5);
    const [third] = await lasting.claimDue(1);
    if (third === undefined) throw new Error('not claimed');
    expect(await brief.record([wentWell(second)])).toEqual([]);
    expect((await rowOf(database, id)).health).toBe('unknown');
    expect(await lasting.record([wentWell(third)])).toHaveLength(1);
    expect(await rowOf(database, id)).toMatchObject({ health: 'healthy', lease_owner: null });
  });

  it('is dropped when the worker was taken offline, and says nothing about it', async () => {
    const database = await databaseForTest();
    const id = await insertWorker(database, 'http://127.0.0.1:9/');
    const leases = await someLeases(database, 60_000);
    const [claim] = await leases.claimDue(1);
    await database.query(`UPDATE worker SET admin_state = 'offline'`);
    if (claim !== undefined) await leases.record([wentWell(claim)]);
    expect((await rowOf(database, id)).health).toBe('unknown');
  });

  it('of many workers waits for no row while it holds others, which could deadlock', async () => {
    const database = await databaseForTest();
    const ids = await Promise.all(
      Array.from({ length: 9 }, (_, n) => insertWorker(database, `http://127.0.0.1:9/${n}`)),
    );
    const leases = await someLeases(database, 60_000);
    const claims = await leases.claimDue(9);
    const dba = await aSession(database);
    await dba.query('BEGIN');
    await dba.query('UPDATE worker_probe SET last_ms = 0 WHERE worker_id = $1', [ids[4]]);
    const recording = leases.record(claims.map((claim) => ({ ...wentWell(claim), after: claim.before })));
    await until(async () => (await database.query(`SELECT FROM worker_probe WHERE last_ok`)).length === 8);
    await dba.query('UPDATE worker_probe SET last_ms = 0');
    await dba.query('COMMIT');
    expect(await recording).toHaveLength(9);
  });

  it("gets in nobody's way: a DBA changes all rows at once while all are probed", async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream();
    for (let n = 0; n < 20; n++) await insertWorker(database, `${upstream.url}/${n}`);
    const quick = { intervalMs: 40, tickMs: 20 };
    const checkers = await Promise.all([startChecker(database, quick), startChecker(database, quick)]);
    for (let n = 0; n < 10; n++) {
      await database.query(
        `UPDATE worker w SET weight = 1 + w.weight % 9 FROM (SELECT id FROM worker ORDER BY random()) r WHERE r.id = w.id`,
      );
      await database.query(`UPDATE worker_probe SET next_probe_at = now()`);
    }
    expect(checkers.flatMap(({ lines }) => lines.filter((line) => line.startsWith('error')))).toEqual([]);
    await until(async () => {
      const rows = await database.query(`SELECT FROM worker WHERE health <> 'healthy'`);
      return rows.length === 0;
    });
  });
});

async function aSession(database: TestDatabase): Promise<pg.Client> {
  const client = new pg.Client(pgOptions(database.address, 'a session of the test'));
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

async function countNotifications(database: TestDatabase): Promise<() => number> {
  const client = await aSession(database);
  let count = 0;
  client.on('notification', () => (count += 1));
  await client.query('LISTEN worker_changed');
  return () => count;
}

/** As a careless ALTER TABLE would: nobody reads or writes the diary until it is over. */
async function lockProbes(database: TestDatabase): Promise<() => Promise<void>> {
  const client = await aSession(database);
  await client.query('BEGIN; LOCK TABLE worker_probe IN ACCESS EXCLUSIVE MODE');
  return async () => {
    await client.query('ROLLBACK');
  };
}

/** How many such statements wait for a lock. */
async function waiting(database: TestDatabase, statement: string): Promise<number> {
  const rows = await database.query(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE $1 AND wait_event_type = 'Lock'`,
    [statement],
  );
  return rows.length;
}

/** A way to the database that can be closed: established connections break and new ones are refused. */
async function aRoadTo(address: DatabaseAddress) {
  const target = targetOf(address);
  const open = new Set<Socket>();
  const server = createServer((inner) => {
    const outer = connect(target);
    for (const [socket, other] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      open.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        open.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  const listen = async (port: number): Promise<number> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const at = server.address();
    return typeof at === 'object' && at !== null ? at.port : 0;
  };
  const port = await listen(0);
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of open) socket.destroy();
    await closed;
  };
  onTestFinished(close);
  return { address: throughPort(address, port), close, open: () => listen(port) };
}

function targetOf(address: DatabaseAddress) {
  if (!('url' in address)) return { path: `${address.host}/.s.PGSQL.${address.port}` };
  const { hostname, port } = new URL(address.url);
  return { host: hostname, port: Number(port === '' ? 5432 : port) };
}

function throughPort(address: DatabaseAddress, port: number): DatabaseAddress {
  if (!('url' in address)) return { ...address, host: '127.0.0.1', port };
  const url = new URL(address.url);
  url.host = `127.0.0.1:${port}`;
  return { url: url.href };
}
