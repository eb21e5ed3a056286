import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { DatabaseBusyError, databaseError, DatabaseUnavailableError } from './database-unavailable-error.js';

/** Runs all queries of the service; throws DatabaseUnavailableError when PostgreSQL is unavailable. */
@Injectable()
export class Database {
  private answered = true;

  constructor(private readonly source: DataSource) {}

  /** Whether the last query succeeded; there is one every few seconds. */
  get connected(): boolean {
    return this.source.isInitialized && this.answered;
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
      this.answered = error instanceof DatabaseBusyError || !(error instanceof DatabaseUnavailableError);
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

  /** One transaction; worker_event names `actor` as its author. @throws DatabaseUnavailableError */
  transaction<T>(actor: string, use: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.run((manager) =>
      manager.transaction(async (inner) => {
        await inner.query(`SELECT set_config('mmm.actor', $1, true)`, [actor]);
        return use(inner);
      }),
    );
  }
}
