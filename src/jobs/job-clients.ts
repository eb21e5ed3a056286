import { Injectable } from '@nestjs/common';
import { DatabaseSettings } from '../config/settings.js';
import { Database } from '../database/database.js';

/**
 * The request that waited for a job last, `job.request_id`. A client's retry may reach another replica and wait there:
 * the hang-up of its first try must not cancel the job then. All throw DatabaseUnavailableError.
 */
@Injectable()
export class JobClients {
  private readonly job: string;

  constructor(
    private readonly database: Database,
    { schema }: DatabaseSettings,
  ) {
    this.job = `"${schema}".job`;
  }

  /** A request waits for a job that another one made. */
  async adopt(id: string, requestId: string): Promise<void> {
    await this.database.query(`UPDATE ${this.job} SET request_id = $2 WHERE id = $1`, [id, requestId]);
  }

  /** Whether no other request has waited for the job since. */
  async isLast(id: string, requestId: string): Promise<boolean> {
    const rows = await this.database.query(`SELECT FROM ${this.job} WHERE id = $1 AND request_id = $2`, [
      id,
      requestId,
    ]);
    return rows.length > 0;
  }
}
