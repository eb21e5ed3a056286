import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/embedded-postgres/embedded-postgres.js';
import { Child } from '../child.js';
import { ReplicaProcess, type ReplicaSetting } from '../replica-process.js';
import { send } from './traffic.js';

export const ROOT = join(import.meta.dirname, '../../..');
/** The key that workers under `/secret` require. */
export const WORKER_KEY = 'Bearer the-key-of-the-drill';

/** Where a drill takes place: a PostgreSQL server, upstreams, and the replicas that are started here. */
export class Site {
  private readonly replicas: ReplicaProcess[] = [];

  private constructor(
    readonly folder: string,
    readonly postgres: EmbeddedPostgres,
    private readonly upstream: Child,
    readonly ports: readonly number[],
    /** Of one more upstream, at 127.0.0.2. */
    readonly elsewhere: number,
    private readonly client: pg.Client,
    private readonly ownsPostgres: boolean,
  ) {}

  /** @param given a server that the drill itself starts and stops */
  static async open(upstreams: number, given?: EmbeddedPostgres): Promise<Site> {
    const folder = mkdtempSync(join('/tmp', 'mmm-drill-'));
    const postgres =
      given ?? (await startEmbeddedPostgres({ dataDir: folder, durable: true, maxConnections: 150 }));
    const upstream = Child.start(join(import.meta.dirname, 'upstream.js'), { args: [String(upstreams)] });
    const { ports, elsewhere } = await upstream.next<{ ports: readonly number[]; elsewhere: number }>();
    const client = new pg.Client({ ...postgres.connection, application_name: 'drill' });
    client.on('error', () => {});
    await client.connect();
    return new Site(folder, postgres, upstream, ports, elsewhere, client, given === undefined);
  }

  /** Starts it without waiting. */
  replica(name: string, setting: Partial<ReplicaSetting> = {}): ReplicaProcess {
    const full = { root: ROOT, cwd: this.folder, tuning: {}, ...setting };
    const replica = new ReplicaProcess(name, full, () => this.postgres);
    this.replicas.push(replica);
    replica.start();
    return replica;
  }

  async query<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    return (await this.client.query<Row>(sql, [...values])).rows;
  }

  /** Sessions of the replicas. */
  async connections(): Promise<number> {
    const [row] = await this.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> 'drill'`,
    );
    return row?.n ?? 0;
  }

  /** What replicas wrote that is worth a line in a report. */
  complaints(): readonly string[] {
    return this.replicas.flatMap(({ name, complaints }) => complaints.map((line) => `${name}: ${line}`));
  }

  async close(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.end('SIGKILL')));
    await this.client.end();
    if (this.ownsPostgres) await this.postgres.stop();
    await this.upstream.stop();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

interface WorkerOptions {
  readonly host?: string;
  readonly max_concurrency?: number;
  readonly header?: Readonly<Record<string, string>>;
}

/** A registration of an upstream of drills. */
export function chatWorker(
  model: string,
  port: number,
  path: string,
  { host = '127.0.0.1', ...more }: WorkerOptions = {},
): object {
  return {
    model_name: model,
    protocol: 'openai',
    req_url_template: `http://${host}:${port}${path}/v1`,
    ...more,
  };
}

export function filmWorker(port: number): object {
  return {
    model_name: 'film',
    task: 'image',
    req_url_template: `http://127.0.0.1:${port}/steady/tasks`,
    body: { prompt: '{USER_PROMPT}' },
    max_concurrency: 10,
    poll: {
      keep: { TASK_ID: 'id' },
      status: { url: '/steady/tasks/{TASK_ID}' },
      state: { path: 'status', running: ['running'], done: ['done'] },
      result: { extract: 'picture', as: 'base64' },
      interval_ms: 1_000,
    },
  };
}

/** @returns the worker's id @throws Error unless it was made */
export async function register(url: string, worker: object): Promise<string> {
  const text = await expectStatus(201, 'POST', `${url}/api/v1/workers`, worker);
  return (JSON.parse(text) as { id: string }).id;
}

export async function drain(url: string, id: string): Promise<void> {
  await expectStatus(200, 'POST', `${url}/api/v1/workers/${id}/drain`);
}

export async function remove(url: string, id: string): Promise<void> {
  await expectStatus(204, 'DELETE', `${url}/api/v1/workers/${id}`);
}

/** @returns the job's id */
export async function submitJob(url: string, prompt: string): Promise<string> {
  const text = await expectStatus(202, 'POST', `${url}/api/v1/jobs`, { model: 'film', prompt });
  return (JSON.parse(text) as { id: string }).id;
}

/** @returns the body @throws Error for any other status */
async function expectStatus(wanted: number, method: string, url: string, body?: object): Promise<string> {
  const { status, text } = await send(method, url, body);
  if (status !== wanted) throw new Error(`${method} ${url} was answered ${status}: ${text}`);
  return text;
}
