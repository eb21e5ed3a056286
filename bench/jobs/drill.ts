import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/embedded-postgres/embedded-postgres.js';
import { ReplicaProcess } from '../replica-process.js';
import { TaskUpstream, taskWorker } from './task-upstream.js';

export interface DrillPlan {
  readonly root: string;
  readonly jobs: number;
  readonly replicas: number;
  /** Jobs are made during this time, and processes killed. */
  readonly forMs: number;
  readonly random: () => number;
  /** Between two kills of a replica, at random within. */
  readonly replicaKillMs: readonly [least: number, most: number];
  /** Between two kills of PostgreSQL. */
  readonly postgresKillMs: readonly [least: number, most: number];
  readonly taskMs: readonly [least: number, most: number];
  readonly submitMs: number;
  readonly maxConcurrency: number;
  readonly resubmit: 'never' | 'once' | 'ask';
  /** How long after the last kill the last job may end. */
  readonly graceMs: number;
  /** Constants of the service that are replaced. */
  readonly tuning: object;
  readonly log: (line: string) => void;
}

export interface DrillReport {
  readonly seconds: number;
  readonly replicaKills: number;
  readonly postgresKills: number;
  /** Jobs whose id a client has received, … */
  readonly accepted: number;
  /** … that are not in the database afterwards, … */
  readonly lost: number;
  /** … or have not ended. */
  readonly unfinished: number;
  /** Jobs with more than one final state in their history. */
  readonly endedTwice: number;
  readonly byEnd: Readonly<Record<string, number>>;
  /** Jobs of which the upstream made more than one task. */
  readonly submittedTwice: number;
  /** Jobs that were submitted again although the upstream's id of their task was stored. */
  readonly submittedAfterStored: number;
  /** Tasks that ran at once. */
  readonly mostAtOnce: number;
  readonly longestSilenceMs: number;
  readonly looks: number;
  /** Lines of replicas that an operator would have to read. */
  readonly complaints: readonly string[];
}

/** Several replicas work on jobs while they and PostgreSQL are killed at random (kill -9) and started again. */
export async function drill(plan: DrillPlan): Promise<DrillReport> {
  const between = ([least, most]: readonly [number, number]): number =>
    least + plan.random() * (most - least);
  const folder = mkdtempSync(join('/tmp', 'mmm-drill-'));
  const upstream = await TaskUpstream.start(() => between(plan.taskMs), plan.submitMs);
  // Durable: a commit that PostgreSQL confirmed must be there after it was killed.
  const launch = (): Promise<EmbeddedPostgres> =>
    startEmbeddedPostgres({ dataDir: folder, durable: true, maxConnections: 150 });
  let postgres = await launch();
  const setting = { root: plan.root, cwd: folder, tuning: plan.tuning };
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
    await register(replicas, taskWorker(upstream.url, plan.maxConcurrency, plan.resubmit, 500));
    say(`${plan.replicas} replicas are ready, PostgreSQL is ${postgres.pid}`);
    const over = new AbortController();
    const kills = { replica: 0, postgres: 0 };
    const killing = (async () => {
      let postgresMs = between(plan.postgresKillMs);
      while (!over.signal.aborted) {
        const pauseMs = between(plan.replicaKillMs);
        await sleep(pauseMs);
        postgresMs -= pauseMs;
        if (over.signal.aborted) break;
        if (postgresMs <= 0) {
          postgresMs = between(plan.postgresKillMs);
          const { pid, exited } = postgres;
          process.kill(pid, 'SIGKILL');
          await exited;
          const awayMs = between([200, 3_000]);
          say(`kill -9 PostgreSQL ${pid}, away for ${Math.round(awayMs)} ms`);
          kills.postgres += 1;
          await sleep(awayMs);
          postgres = await launch();
          say(`PostgreSQL is back as ${postgres.pid}`);
          continue;
        }
        const victim = replicas[Math.floor(plan.random() * replicas.length)];
        if (victim === undefined || victim.pid === 0) continue;
        say(`kill -9 ${victim.name} (${victim.pid})`);
        kills.replica += 1;
        await victim.end('SIGKILL');
        victim.start();
      }
    })();
    const accepted = await createAll(replicas, plan);
    await sleep(Math.max(0, startedMs + plan.forMs - performance.now()));
    over.abort();
    await killing;
    say(`no more kills; ${accepted.length} jobs were accepted`);
    await ended(postgres, plan.graceMs);
    return await report(accepted, postgres, upstream, kills, replicas, performance.now() - startedMs);
  } finally {
    await Promise.all(replicas.map((replica) => replica.end('SIGKILL')));
    await postgres.stop();
    await upstream.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

async function register(replicas: readonly ReplicaProcess[], worker: object): Promise<void> {
  const body = JSON.stringify(worker);
  const headers = { 'content-type': 'application/json' };
  const [first] = replicas;
  const answer = await fetch(`${first?.url}/api/server/register`, { method: 'POST', headers, body });
  if (!answer.ok) throw new Error(`the registration failed: ${await answer.text()}`);
}

/** Spread over the time. A client repeats a request until it is answered, under one idempotency key. @returns the ids */
async function createAll(replicas: readonly ReplicaProcess[], plan: DrillPlan): Promise<readonly string[]> {
  const pauseMs = (plan.forMs * 0.8) / plan.jobs;
  const made: Promise<string>[] = [];
  for (let at = 0; at < plan.jobs; at++) {
    made.push(create(replicas, plan, `a film, number ${at}`));
    await sleep(pauseMs);
  }
  return Promise.all(made);
}

async function create(
  replicas: readonly ReplicaProcess[],
  { random }: DrillPlan,
  prompt: string,
): Promise<string> {
  const key = randomUUID();
  for (;;) {
    const replica = replicas[Math.floor(random() * replicas.length)];
    const answer = await fetch(`${replica?.url}/api/v1/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ model: 'film', prompt }),
      signal: AbortSignal.timeout(10_000),
    }).catch(() => null);
    const body = await answer?.text().catch(() => '');
    if (
      answer !== null &&
      (answer.status === 202 || answer.status === 200) &&
      body !== undefined &&
      body !== ''
    )
      return (JSON.parse(body) as { id: string }).id;
    if (answer !== null && answer.status >= 400 && answer.status < 500 && answer.status !== 404)
      throw new Error(`a job was refused with ${answer.status}: ${body}`);
    await sleep(200);
  }
}

/** Waits until no job lives. */
async function ended(postgres: EmbeddedPostgres, withinMs: number): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (performance.now() < endMs) {
    const [row] = await query<{ n: number }>(
      postgres,
      'SELECT count(*)::int AS n FROM job WHERE ended_at IS NULL',
    );
    if (row?.n === 0) return;
    await sleep(500);
  }
}

async function report(
  accepted: readonly string[],
  postgres: EmbeddedPostgres,
  upstream: TaskUpstream,
  kills: { readonly replica: number; readonly postgres: number },
  replicas: readonly ReplicaProcess[],
  ms: number,
): Promise<DrillReport> {
  const rows = await query<{
    id: string;
    state: string;
    error_code: string | null;
    ends: number;
    runs: number;
    again: number;
  }>(
    postgres,
    `SELECT j.id, j.state, j.error_code,
       count(*) FILTER (WHERE e.state IN ('succeeded', 'failed', 'cancelled'))::int AS ends,
       count(*) FILTER (WHERE e.state = 'submitting' AND e.id > (SELECT min(r.id) FROM job_event r WHERE r.job_id = j.id AND r.state = 'running'))::int AS again
     FROM job j JOIN job_event e ON e.job_id = j.id GROUP BY j.id`,
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  const byEnd: Record<string, number> = {};
  for (const { state, error_code } of rows) {
    const end = error_code ?? state;
    byEnd[end] = (byEnd[end] ?? 0) + 1;
  }
  const seen = [...upstream.jobs.values()];
  return {
    seconds: Math.round(ms / 1000),
    replicaKills: kills.replica,
    postgresKills: kills.postgres,
    accepted: accepted.length,
    lost: accepted.filter((id) => !byId.has(id)).length,
    unfinished: rows.filter(({ ends }) => ends === 0).length,
    endedTwice: rows.filter(({ ends }) => ends > 1).length,
    byEnd,
    submittedTwice: seen.filter(({ tasks }) => tasks > 1).length,
    submittedAfterStored: rows.filter(({ again }) => again > 0).length,
    mostAtOnce: upstream.mostAtOnce,
    longestSilenceMs: Math.max(0, ...seen.map(({ silenceMs }) => silenceMs)),
    looks: upstream.looks,
    complaints: replicas.flatMap(({ name, complaints }) => complaints.map((line) => `${name}: ${line}`)),
  };
}

async function query<Row extends pg.QueryResultRow>(
  { connection }: EmbeddedPostgres,
  sql: string,
): Promise<Row[]> {
  const client = new pg.Client(connection);
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}
