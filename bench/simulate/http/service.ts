import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { TUNING, type TuningOverrides } from '../../../src/config/tuning.js';
import { VARIABLES } from '../../../src/config/variables.js';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../../src/embedded-postgres/embedded-postgres.js';
import { Child } from '../../child.js';
import { untilReady } from '../../service.js';
import { REPLICAS } from '../run-once.js';
import { SPEED } from './real-time.js';

/** Real replicas on one real PostgreSQL, all intervals divided by the simulation's speed. */
export class ReplicatedService {
  private constructor(
    readonly urls: readonly string[],
    readonly database: pg.Pool,
    private readonly children: readonly Child[],
    private readonly postgres: EmbeddedPostgres,
    private readonly folder: string,
  ) {}

  static async start(environment: Readonly<Record<string, string>>): Promise<ReplicatedService> {
    const folder = mkdtempSync(join(tmpdir(), 'mmm-simulate-'));
    const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'data'), durable: false });
    const { host, port, user, database } = postgres.connection;
    const url = `postgres://${user}@localhost:${port}/${database}?host=${encodeURIComponent(host)}`;
    const logs = Array.from({ length: REPLICAS }, (_, at) => join(folder, `log-${at}`));
    const children = logs.map((log) =>
      startReplica(log, { DATABASE_URL: url, ...hastenedSettings(), ...environment }),
    );
    const urls = await Promise.all(children.map((child, at) => untilReady(child, logs[at] ?? '')));
    const pool = new pg.Pool({ connectionString: url, max: 2 });
    pool.on('error', () => {});
    return new ReplicatedService(urls, pool, children, postgres, folder);
  }

  async register(worker: object): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify(worker);
    const answer = await fetch(`${this.urls[0]}/api/server/register`, { method: 'POST', headers, body });
    if (!answer.ok) throw new Error(`the registration failed: ${await answer.text()}`);
  }

  /** Waits until every replica sees this many healthy workers and no others. */
  async untilHealthy(count: number): Promise<void> {
    for (const url of this.urls) {
      for (let healths = ''; healths !== (count === 0 ? '{}' : `{"healthy":${count}}`); await sleep(50)) {
        const summary = (await (await fetch(`${url}/health`)).json()) as { workers: object };
        healths = JSON.stringify(summary.workers);
      }
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.children.map((child) => child.stop()));
    await this.database.end();
    await this.postgres.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function startReplica(log: string, environment: Readonly<Record<string, string>>): Child {
  const output = openSync(log, 'w');
  const child = Child.start(resolve('test/tuned-main.mjs'), {
    args: [JSON.stringify(hastened())],
    environment: { NODE_ENV: 'production', PORT: '0', HOST: '127.0.0.1', LOG_FORMAT: 'json', ...environment },
    output,
  });
  closeSync(output);
  return child;
}

/** The default times of health, balancing and replicas, shortened. */
function hastened(): TuningOverrides {
  const { health, stats, retry, replicas } = TUNING;
  return {
    health: shortened(health),
    stats: shortened(stats),
    retry: shortened(retry),
    replicas: shortened(replicas),
  };
}

function hastenedSettings(): Readonly<Record<string, string>> {
  const shorter = Object.entries(VARIABLES).flatMap(([name, { fallback }]) =>
    /^(HEALTH|BALANCING)_.*_MS$/.test(name) && typeof fallback === 'number'
      ? [[name, String(Math.round(fallback / SPEED))] as const]
      : [],
  );
  return Object.fromEntries(shorter);
}

function shortened<Group extends Readonly<Record<keyof Group, number>>>(group: Group): Partial<Group> {
  const times = Object.entries<number>(group).filter(([name]) => name.endsWith('Ms'));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- names and types of the group are kept
  return Object.fromEntries(times.map(([name, ms]) => [name, Math.round(ms / SPEED)])) as Partial<Group>;
}
