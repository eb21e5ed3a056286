import { rm } from 'node:fs/promises';
import pg from 'pg';
import { pgOptions } from '../../src/database/data-source.js';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/embedded-postgres/embedded-postgres.js';
import { temporaryFolder } from '../embedded-postgres/folders.js';
import type { SharedDatabase } from './cluster.js';

/** A PostgreSQL server for one test file, which may kill and restart it. */
export class PostgresServer implements SharedDatabase {
  private constructor(
    private readonly dataDir: string,
    private running: EmbeddedPostgres,
  ) {}

  static async start(): Promise<PostgresServer> {
    const dataDir = temporaryFolder();
    return new PostgresServer(dataDir, await launch(dataDir));
  }

  readonly address = () => this.running.connection;

  /** Like kill -9: sessions end without a message. */
  async kill(): Promise<void> {
    process.kill(this.running.pid, 'SIGKILL');
    await this.running.exited;
  }

  async restart(): Promise<void> {
    this.running = await launch(this.dataDir);
  }

  async query<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    const client = new pg.Client(pgOptions(this.address(), 'test'));
    await client.connect();
    try {
      return (await client.query<Row>(sql, [...values])).rows;
    } finally {
      await client.end();
    }
  }

  async close(): Promise<void> {
    await this.running.stop();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

function launch(dataDir: string): Promise<EmbeddedPostgres> {
  // Durable, for it is killed: a commit that was answered must be there afterwards.
  return startEmbeddedPostgres({ dataDir, durable: true, maxConnections: 100 });
}
