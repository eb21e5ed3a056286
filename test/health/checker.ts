import { ScheduleModule } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { onTestFinished } from 'vitest';
import { ConfigModule } from '../../src/config/config.module.js';
import { readEnvironment } from '../../src/config/environment.js';
import type { HealthSettings, Settings } from '../../src/config/settings.js';
import { type DatabaseAddress, dataSourceOptions, pgOptions } from '../../src/database/data-source.js';
import { Database } from '../../src/database/database.js';
import { ReplicaIdentity } from '../../src/database/replica-identity.js';
import { DatabaseModule } from '../../src/database/database.module.js';
import { HealthModule } from '../../src/health/health.module.js';
import { ProbeLeases } from '../../src/health/scheduler/probe-leases.js';
import type { Claim, ProbeOutcome } from '../../src/health/scheduler/probe-outcome.js';
import { succeeded } from '../../src/health/probe/probe-result.js';
import { LiveWorkers } from '../../src/registry/live/live-workers.js';
import { WorkerActivity } from '../../src/registry/live/worker-activity.js';
import type { TestDatabase } from '../database.js';
import { startFakeUpstream, type Behaviour, type FakeUpstream } from '../fakes/fake-upstream.js';
import { startTcpProxy, type TcpProxy } from '../fakes/tcp-proxy.js';
import { TEST_KEYS } from '../service.js';
import { until } from '../until.js';

const { health: usual, ...others }: { health: Rhythm } & Omit<Settings, 'health'> = readEnvironment({
  DATA_DIR: '/nonexistent',
  CREDENTIALS_KEYS: TEST_KEYS,
});
/** The settings as a plain object, which tests can vary. */
type Rhythm = Pick<HealthSettings, keyof HealthSettings>;
export const QUICK: Rhythm = {
  ...usual,
  intervalMs: 120,
  fastIntervalMs: 50,
  downIntervalMs: 120,
  timeoutMs: 2_000,
  warmingMs: 150,
  tickMs: 20,
  leaseMs: 5_000,
};

/** The health checker of one replica with its dependencies only, on a database that others may share. */
export async function startChecker(
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
  const activity = module.get(WorkerActivity, { strict: false });
  return { stop, lines, live: module.get(LiveWorkers, { strict: false }), activity };
}

export async function anUpstream(behaviour?: Behaviour): Promise<FakeUpstream> {
  const upstream = await startFakeUpstream(behaviour);
  onTestFinished(() => upstream.close());
  return upstream;
}

export interface Insertion {
  readonly model?: string;
  readonly healthCheck?: unknown;
  readonly body?: unknown;
  readonly ttlS?: number;
}

/** Inserts a row as a DBA would by hand. */
export async function insertWorker(
  database: TestDatabase,
  url: string,
  healthCheck: unknown = null,
  { model = 'm', body = { input: '{USER_PROMPT}' }, ttlS }: Omit<Insertion, 'healthCheck'> = {},
): Promise<string> {
  const rows = await database.query<{ id: string }>(
    `INSERT INTO worker (model_name, req_url_template, health_check, body, heartbeat_ttl_s) VALUES ($4, $1, $2, $3, $5) RETURNING id`,
    [
      url,
      healthCheck === null ? null : JSON.stringify(healthCheck),
      JSON.stringify(body),
      model,
      ttlS ?? null,
    ],
  );
  return rows[0]?.id ?? '';
}

export interface Row {
  readonly health: string;
  readonly health_reason: string;
  readonly health_since: Date;
  readonly admin_state: string;
  readonly admin_state_by: string;
  readonly last_ok: boolean | null;
  readonly last_detail: string;
  readonly last_probe_at: Date | null;
  readonly lease_owner: string | null;
  readonly failures_in_row: number;
  readonly successes_in_row: number;
}

export async function rowOf(database: TestDatabase, id: string): Promise<Row> {
  const [row] = await database.query<Row>(
    'SELECT * FROM worker w JOIN worker_probe p ON p.worker_id = w.id WHERE w.id = $1',
    [id],
  );
  if (row === undefined) throw new Error('no such worker');
  return row;
}

export const untilHealthIs = (database: TestDatabase, id: string, health: string) =>
  until(async () => (await rowOf(database, id)).health === health);

/** The health events of a worker, oldest first. */
export async function healthEventsOf(database: TestDatabase, id: string): Promise<readonly string[]> {
  const rows = await database.query<{ kind: string }>(
    `SELECT kind FROM event WHERE subject_id = $1 AND actor = 'health' ORDER BY id`,
    [id],
  );
  return rows.map(({ kind }) => kind);
}

/** The number of workers in each health state. */
export async function countByHealth(database: TestDatabase): Promise<Readonly<Record<string, number>>> {
  const rows = await database.query<{ health: string; n: number }>(
    'SELECT health, count(*)::integer AS n FROM worker GROUP BY health',
  );
  return Object.fromEntries(rows.map(({ health, n }) => [health, n]));
}

/** The leases of a replica that does only what the test requests. */
export async function someLeases(database: TestDatabase, leaseMs: number): Promise<ProbeLeases> {
  const source = await new DataSource(dataSourceOptions(database.address, 'public', 2)).initialize();
  onTestFinished(() => source.destroy());
  return new ProbeLeases(new Database(source), { ...QUICK, leaseMs }, others.database, new ReplicaIdentity());
}

/** The result of a successful probe. */
export function foundWell(claim: Claim): ProbeOutcome {
  const seen = succeeded('GET /health answered 200 in 1 ms', 1, false);
  const after = {
    ...claim.before,
    health: 'healthy',
    reason: seen.detail,
    failuresInRow: 0,
    successesInRow: 1,
  } as const;
  return { claim, seen, after, isExpired: false, nextProbeMs: 60_000 };
}

export async function aSession(database: TestDatabase): Promise<pg.Client> {
  const client = new pg.Client(pgOptions(database.address, 'a session of the test'));
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

export async function countNotifications(database: TestDatabase): Promise<() => number> {
  const client = await aSession(database);
  let count = 0;
  client.on('notification', () => (count += 1));
  await client.query('LISTEN worker_changed');
  return () => count;
}

/** The number of such statements that wait for a lock. */
export async function waiting(database: TestDatabase, statement: string): Promise<number> {
  const rows = await database.query(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE $1 AND wait_event_type = 'Lock'`,
    [statement],
  );
  return rows.length;
}

/** A connection to the database that can be cut and opened again. */
export async function aRoadTo(
  address: DatabaseAddress,
): Promise<{ address: DatabaseAddress; proxy: TcpProxy }> {
  const proxy = await startTcpProxy(targetOf(address));
  onTestFinished(() => proxy.cut());
  return { address: throughPort(address, proxy.port), proxy };
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
