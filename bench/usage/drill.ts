import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/embedded-postgres/embedded-postgres.js';
import { ReplicaProcess } from '../replica-process.js';
import { ADMIN_KEY, Callers, keyText, MODEL, type Truth } from './callers.js';
import { CountingUpstream } from './counting-upstream.js';

/** What a replica does to itself or to the database, when this share of the requests has been answered. */
export interface DrillEvent {
  readonly at: number;
  readonly what: 'kill a replica' | 'stop a replica' | 'kill the database';
}

export interface DrillPlan {
  readonly root: string;
  /** At least; more are sent until the last event. */
  readonly requests: number;
  readonly keys: number;
  readonly replicas: number;
  readonly callers: number;
  /** Of a caller, after each request; 0 unless given. */
  readonly pauseMs?: number;
  readonly events: readonly DrillEvent[];
  readonly databaseAwayMs: number;
  readonly log: (line: string) => void;
}

export interface DrillReport {
  readonly seconds: number;
  /** Requests that were answered whole. */
  readonly answered: number;
  /** Requests that broke off, because their replica was killed. */
  readonly brokenOff: number;
  readonly kills: number;
  /** Tokens in answers. */
  readonly reportedTokens: number;
  readonly countedTokens: number;
  /** Reported and not counted, … */
  readonly lostTokens: number;
  /** … of at most these, in answers of a killed replica since a batch that it wrote just before its end. */
  readonly losableTokens: number;
  /** Keys with fewer tokens than they must have. */
  readonly keysWithLoss: number;
  /** Keys with more tokens than were reported and may have been reported in what broke off. */
  readonly keysCountedTwice: number;
  /** Keys whose days, requests or cost differ from their hours. */
  readonly keysThatDiffer: number;
  readonly complaints: readonly string[];
}

/** Batches are written every 1.5 s; a busy machine needs longer. */
const WRITTEN_WITHIN_MS = 60_000;

/** Replicas serve requests of many keys, while they and PostgreSQL are killed; then what was counted is compared with what was reported. */
export async function drill(plan: DrillPlan): Promise<DrillReport> {
  const folder = mkdtempSync(join('/tmp', 'mmm-usage-'));
  const upstream = await CountingUpstream.start();
  // Durable: what PostgreSQL confirmed must be there after it was killed.
  const launch = () => startEmbeddedPostgres({ dataDir: folder, durable: true, maxConnections: 100 });
  let postgres = await launch();
  const environment = { ADMIN_API_KEY: ADMIN_KEY, HOST: '127.0.0.1', UPSTREAM_ALLOW_CIDRS: '127.0.0.0/8' };
  const setting = { root: plan.root, cwd: folder, tuning: {}, environment };
  const replicas = Array.from(
    { length: plan.replicas },
    (_, index) => new ReplicaProcess(`replica ${index + 1}`, setting, () => postgres),
  );
  const startedMs = performance.now();
  const say = (line: string): void =>
    plan.log(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  try {
    for (const replica of replicas) replica.start();
    await Promise.all(replicas.map((replica) => replica.ready()));
    await prepare(postgres, replicas, upstream.url, plan.keys);
    say(`${plan.replicas} replicas are ready`);
    const callers = new Callers(replicas, plan.requests, plan.keys, plan.pauseMs ?? 0);
    callers.goOn = plan.events.length > 0;
    const calling = callers.run(plan.callers);
    let kills = 0;
    for (const [index, { at, what }] of plan.events.entries()) {
      while (callers.done < plan.requests * at) await sleep(20);
      if (what === 'kill the database') {
        process.kill(postgres.pid, 'SIGKILL');
        await postgres.exited;
        say(`kill -9 PostgreSQL, away for ${plan.databaseAwayMs} ms`);
        await sleep(plan.databaseAwayMs);
        postgres = await launch();
        callers.goOn = index < plan.events.length - 1;
        say('PostgreSQL is back');
        continue;
      }
      const victim = replicas[index % replicas.length];
      if (victim === undefined) continue;
      if (what === 'kill a replica') {
        const sinceMs = performance.now();
        await batchesWritten(postgres, replicas.length);
        callers.killed(victim.name, sinceMs);
        kills += 1;
        await victim.end('SIGKILL');
      } else {
        callers.spare(victim.name);
        await victim.end('SIGTERM');
      }
      callers.goOn = index < plan.events.length - 1;
      say(`${what === 'kill a replica' ? 'kill -9' : 'SIGTERM'} ${victim.name}`);
      victim.start();
      await victim.ready();
      callers.use(victim.name);
    }
    await calling;
    say('all requests have ended');
    await Promise.all(replicas.map((replica) => replica.end('SIGTERM')));
    const counted = await countedOf(postgres);
    const complaints = replicas.flatMap((replica) => replica.complaints);
    return {
      ...compare(callers.truth, counted),
      kills,
      seconds: (performance.now() - startedMs) / 1000,
      complaints,
    };
  } finally {
    await Promise.all(replicas.map((replica) => replica.end('SIGKILL')));
    await postgres.stop();
    await upstream.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** Until each replica has written all that it had counted when this was called: the first batch may have been under way. */
async function batchesWritten(postgres: EmbeddedPostgres, replicas: number): Promise<void> {
  for (let batch = 0; batch < 2; batch++) {
    const [row] = await query<{ now: string }>(postgres, 'SELECT clock_timestamp()::text AS now', []);
    const written = 'SELECT FROM usage_batch WHERE at > $1::timestamptz';
    const endMs = performance.now() + WRITTEN_WITHIN_MS;
    while ((await query(postgres, written, [row?.now])).length < replicas) {
      if (performance.now() > endMs)
        throw new Error(`not every replica wrote usage in ${WRITTEN_WITHIN_MS} ms`);
      await sleep(50);
    }
  }
}

/** One model with a price of 1 for a million tokens of any kind, and keys. */
async function prepare(
  postgres: EmbeddedPostgres,
  replicas: readonly ReplicaProcess[],
  upstream: string,
  keys: number,
): Promise<void> {
  const url = replicas[0]?.url ?? '';
  const send = async (method: string, path: string, body: object): Promise<void> => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${ADMIN_KEY}` };
    const answer = await fetch(url + path, { method, headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
  };
  // Before its worker: a replica that knows the worker knows the price.
  await send('PUT', `/api/v1/models/${MODEL}`, {
    price: { currency: 'EUR', input: 1, output: 1, cached_input: 1 },
  });
  for (let key = 0; key < keys; key++)
    await query(postgres, `INSERT INTO api_key (name, role, hash, team) VALUES ($1, 'inference', $2, $3)`, [
      String(key),
      createHash('sha256').update(keyText(key)).digest(),
      `team ${key % 7}`,
    ]);
  await send('POST', '/api/v1/workers', {
    model_name: MODEL,
    protocol: 'openai',
    req_url_template: `${upstream}/v1`,
    max_concurrency: 1000,
  });
  for (const replica of replicas)
    for (let key = 0; key < keys; key++) {
      const headers = { authorization: `Bearer ${keyText(key)}` };
      while (!(await fetch(`${replica.url}/v1/models/${MODEL}`, { headers })).ok) await sleep(50);
    }
}

interface Counted {
  readonly key: string;
  readonly requests: number;
  readonly tokens: number;
  readonly by_day: number;
  readonly cost: number;
}

function countedOf(postgres: EmbeddedPostgres): Promise<readonly Counted[]> {
  return query<Counted>(
    postgres,
    `SELECT key_name AS key, sum(requests)::int AS requests, sum(input_tokens + output_tokens)::int AS tokens, sum(cost)::float8 AS cost,
       (SELECT sum(input_tokens + output_tokens) FROM usage_daily d WHERE d.key_id = h.key_id)::int AS by_day
     FROM usage_hourly h GROUP BY key_id, key_name`,
    [],
  );
}

async function query<Row extends pg.QueryResultRow>(
  { connection }: EmbeddedPostgres,
  sql: string,
  values: readonly unknown[],
): Promise<Row[]> {
  const client = new pg.Client({ ...connection });
  await client.connect();
  try {
    return (await client.query<Row>(sql, [...values])).rows;
  } finally {
    await client.end();
  }
}

type Figures = Omit<DrillReport, 'seconds' | 'kills' | 'complaints'>;

function compare(truth: readonly Truth[], counted: readonly Counted[]): Figures {
  const rows = new Map(counted.map((row) => [row.key, row]));
  const sum = (read: (key: Truth) => number): number => truth.reduce((total, key) => total + read(key), 0);
  const tokensOf = ({ key }: Truth): number => rows.get(key)?.tokens ?? 0;
  const differs = ({ key }: Truth): boolean => {
    const row = rows.get(key);
    return row !== undefined && (row.by_day !== row.tokens || Math.abs(row.cost * 1e6 - row.tokens) > 0.01);
  };
  return {
    answered: sum(({ answered }) => answered),
    brokenOff: sum(({ brokenOff }) => brokenOff),
    reportedTokens: sum(({ reported }) => reported),
    countedTokens: sum(tokensOf),
    lostTokens: sum((key) => Math.max(0, key.reported - tokensOf(key))),
    losableTokens: sum(({ losable }) => losable),
    keysWithLoss: truth.filter((key) => tokensOf(key) < key.reported - key.losable).length,
    keysCountedTwice: truth.filter((key) => tokensOf(key) > key.reported + key.uncertain).length,
    keysThatDiffer: truth.filter(differs).length,
  };
}
