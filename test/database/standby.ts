import { execFileSync } from 'node:child_process';
import { appendFileSync, chownSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/embedded-postgres/embedded-postgres.js';
import { temporaryFolder } from '../embedded-postgres/folders.js';

/** A primary and its streaming standby: a copy of its folder, since the package brings no pg_basebackup. */
export class ServerPair {
  private constructor(
    readonly primary: EmbeddedPostgres,
    readonly standby: EmbeddedPostgres,
    private readonly folders: readonly string[],
  ) {}

  static async start(): Promise<ServerPair> {
    const [one, other] = [temporaryFolder(), temporaryFolder()];
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

  async promote(): Promise<void> {
    await queryOf(this.standby, 'SELECT pg_promote()');
  }

  async stop(): Promise<void> {
    await Promise.all([this.primary.stop(), this.standby.stop()]);
    for (const folder of this.folders) rmSync(folder, { recursive: true, force: true });
  }
}

function launch(dataDir: string): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({ dataDir, durable: false, maxConnections: 60 });
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
