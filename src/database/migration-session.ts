import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { DatabaseClient, hangUp, type Query, queryOf } from './database-client.js';
import { type DatabaseAddress, pgOptions } from './data-source.js';
import { LockWaitError } from './lock-wait.js';
import type { MigrationLock } from './migration-lock.js';

export interface SessionOptions {
  readonly address: DatabaseAddress;
  readonly schema: string;
  readonly lockWaitMs: number;
  readonly pauseMs: number;
  readonly patienceMs: number;
}

/** lock_not_available (lock_timeout) and deadlock_detected: the transaction had to give way, and may be tried again. */
const GAVE_WAY: ReadonlySet<unknown> = new Set(['55P03', '40P01']);

export function gaveWay(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && GAVE_WAY.has(error.code);
}

/** The connection that migrates. It sees `schema` first, for migrations name none, and takes as long as they do. */
export class MigrationSession {
  readonly query: Query;

  constructor(
    private readonly client: pg.Client,
    private readonly lock: MigrationLock,
    private readonly options: SessionOptions,
  ) {
    this.query = queryOf(client);
  }

  /**
   * One transaction, tried again while a lock of a table is not free. In between it leaves the queue for the lock, so that
   * other queries of the table get their turn. @throws LockWaitError
   */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    const startedMs = performance.now();
    for (;;) {
      try {
        await this.client.query('BEGIN');
        const result = await work();
        await this.client.query('COMMIT');
        return result;
      } catch (error) {
        if (this.lock.lost.aborted) throw error;
        // Fails when the connection is lost, which the error above says.
        await this.client.query('ROLLBACK').catch(() => {});
        if (!gaveWay(error)) throw error;
        const waitedMs = performance.now() - startedMs;
        if (waitedMs > this.options.patienceMs)
          throw new LockWaitError(this.lock.lastWait() ?? error.message, waitedMs, { cause: error });
      }
      await sleep(this.options.pauseMs, undefined, { signal: this.lock.lost });
    }
  }
}

export async function withMigrationSession<T>(
  options: SessionOptions,
  lock: MigrationLock,
  use: (session: MigrationSession) => Promise<T>,
): Promise<T> {
  const { address, schema, lockWaitMs } = options;
  const socket = new Socket({ signal: lock.lost });
  const client = new DatabaseClient({
    ...pgOptions(address, 'migrate'),
    stream: () => socket,
    // A timeout set for the service's role would cancel a long migration. A session whose process has ended gives its
    // locks back within a second, and not when its statement is done.
    options: `-c search_path=${schema} -c lock_timeout=${lockWaitMs} -c statement_timeout=0 -c client_connection_check_interval=1000`,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const session = new MigrationSession(client, lock, options);
    const [backend] = await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    if (backend !== undefined) lock.watch(backend.pid);
    return await use(session);
  } finally {
    await hangUp(client, socket);
  }
}
