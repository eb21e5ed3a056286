import { Injectable } from '@nestjs/common';
import type pg from 'pg';
import { DataSource, type EntityManager } from 'typeorm';
import {
  DatabaseBusyError,
  databaseError,
  DatabaseUnavailableError,
  isReadOnlyState,
} from './database-unavailable-error.js';

export interface PoolState {
  /** Connections with a query. */
  readonly inUse: number;
  readonly idle: number;
  /** Queries without a connection. */
  readonly waiting: number;
}

/**
 * An option of `pg` that its types lack: so many rows an Execute message, each answered after the one before was read
 * [github.com/brianc/node-postgres, packages/pg/lib/query.js; postgresql.org/docs/current/protocol-flow.html, PortalSuspended].
 */
interface RowsAtOnce {
  readonly rows: number;
}

/** Whole rows of `worker` take about 10 µs each to parse: a few milliseconds. */
const ROWS_AT_ONCE = 300;

/**
 * How long a transaction may wait for its next statement. The session of a replica that froze, or whose machine is gone, ends then and
 * gives back its locks, well before the statements that wait for them are given up (12 s, `LONGEST_SILENCE_MS`).
 */
const LONGEST_PAUSE_MS = 5_000;

/** The author of a change: a caller of the API, or the name of a part of the service. */
export type Actor = string | { readonly name: string; readonly via: 'api' };

/** Runs all queries of the service; throws DatabaseUnavailableError when PostgreSQL is unavailable. */
@Injectable()
export class Database {
  private answered = true;
  private wrote = true;

  constructor(private readonly source: DataSource) {}

  /** Whether the last query succeeded; there is one every few seconds. */
  get connected(): boolean {
    return this.source.isInitialized && this.answered;
  }

  /** Whether the last heartbeat was written: not on a standby during a failover, nor on a full disk. */
  get writable(): boolean {
    return this.connected && this.wrote;
  }

  get pool(): PoolState {
    const { totalCount = 0, idleCount = 0, waitingCount = 0 } = this.pgPool ?? {};
    return { inUse: totalCount - idleCount, idle: idleCount, waiting: waitingCount };
  }

  /** @throws DatabaseUnavailableError */
  async run<T>(use: (manager: EntityManager) => Promise<T>): Promise<T> {
    if (!this.source.isInitialized) throw new DatabaseUnavailableError(new Error('not connected yet'));
    try {
      const result = await use(this.source.manager);
      this.answered = true;
      return result;
    } catch (caught) {
      const error = databaseError(caught);
      const isReadOnly = isReadOnlyState(caught);
      if (isReadOnly) this.wrote = false;
      this.answered =
        isReadOnly || error instanceof DatabaseBusyError || !(error instanceof DatabaseUnavailableError);
      throw error;
    }
  }

  /** Rows of one statement. @throws DatabaseUnavailableError */
  query<Row>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    return this.run(async (manager) => {
      const answer: unknown = await manager.query(sql, [...values]);
      // TypeORM answers [rows, count] to UPDATE and DELETE.
      const pair = Array.isArray(answer) && Array.isArray(answer[0]) && typeof answer[1] === 'number';
      return (pair ? answer[0] : answer) as Row[];
    });
  }

  /**
   * The rows of one SELECT that may have many, all from one snapshot. They come a few hundred at a time, in turns of their own:
   * `pg` would else read up to 2 MB of rows before any request goes on. @throws DatabaseUnavailableError
   */
  queryMany<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return this.run(async () => {
      const statement: pg.QueryConfig & RowsAtOnce = { text, values: [...values], rows: ROWS_AT_ONCE };
      const result = await this.pgPool?.query<Row>(statement);
      return result?.rows ?? [];
    });
  }

  /** The same of a statement that writes: it shows whether the database can be written. */
  async write<Row>(sql: string, values: readonly unknown[]): Promise<Row[]> {
    try {
      const rows = await this.query<Row>(sql, values);
      this.wrote = true;
      return rows;
    } catch (error) {
      // It may only have waited for a lock.
      if (!(error instanceof DatabaseBusyError)) this.wrote = false;
      throw error;
    }
  }

  /** One transaction; the history names `actor` as its author. @throws DatabaseUnavailableError */
  transaction<T>(actor: Actor, use: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.run((manager) =>
      manager.transaction(async (inner) => {
        const { name, via } = typeof actor === 'string' ? { name: actor, via: 'service' } : actor;
        await inner.query(
          `SELECT set_config('mmm.actor', $1, true), set_config('mmm.via', $2, true),
             set_config('idle_in_transaction_session_timeout', $3, true)`,
          [name, via, String(LONGEST_PAUSE_MS)],
        );
        return use(inner);
      }),
    );
  }

  /** The pool of `pg`, once connected. */
  private get pgPool(): pg.Pool | undefined {
    return (this.source.driver as unknown as { readonly master?: pg.Pool }).master;
  }
}
