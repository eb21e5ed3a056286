import { hostname } from 'node:os';
import { Injectable } from '@nestjs/common';
import { DatabaseSettings } from '../../config/settings.js';
import { Database } from '../../database/database.js';
import { ReplicaIdentity } from '../../database/replica-identity.js';
import type { Worker } from '../worker.js';
import type { Trouble } from './worker-activity.js';

/** A worker, and what requests of this replica show of it. */
export interface SeenTrouble {
  readonly worker: Worker;
  readonly trouble: Trouble;
}

/** Writes the table `worker_trouble`, and the events that belong to it. */
@Injectable()
export class TroubleTable {
  private readonly schema: string;

  constructor(
    private readonly database: Database,
    private readonly identity: ReplicaIdentity,
    { schema }: DatabaseSettings,
  ) {
    this.schema = `"${schema}"`;
  }

  /**
   * @param begun ids of the workers whose trouble is new
   * @param ended ids of those that serve again
   * @throws DatabaseUnavailableError
   */
  async write(
    troubles: readonly SeenTrouble[],
    begun: readonly string[],
    ended: readonly string[],
  ): Promise<void> {
    const rows = troubles.map(({ worker, trouble }) => ({
      worker_id: worker.id,
      generation: worker.generation,
      state: trouble.state,
      cause: trouble.cause,
      since: trouble.since,
      until: trouble.until,
      failures: trouble.failures,
      last_error: trouble.lastError,
      last_error_at: trouble.lastErrorAt,
    }));
    await this.database.query(
      `WITH seen AS (
         SELECT * FROM jsonb_to_recordset($2::jsonb) AS s (worker_id uuid, generation integer, state text, cause text, since timestamptz,
           until timestamptz, failures integer, last_error text, last_error_at timestamptz)),
       written AS (
         INSERT INTO ${this.schema}.worker_trouble AS t
           (replica_id, worker_id, generation, state, cause, since, until, failures, last_error, last_error_at)
         SELECT r.id, w.id, s.generation, s.state, s.cause, s.since, s.until, s.failures, s.last_error, s.last_error_at
         FROM seen s JOIN ${this.schema}.worker w ON w.id = s.worker_id JOIN ${this.schema}.replica r ON r.id = $1
         ON CONFLICT (worker_id, replica_id) DO UPDATE SET generation = excluded.generation, state = excluded.state,
           cause = excluded.cause, since = excluded.since, until = excluded.until, failures = excluded.failures,
           last_error = excluded.last_error, last_error_at = excluded.last_error_at),
       gone AS (DELETE FROM ${this.schema}.worker_trouble WHERE replica_id = $1 AND worker_id = ANY ($4::uuid[])),
       noted AS (
         SELECT s.worker_id, s.state AS kind, concat_ws(': ', nullif(s.cause, ''), nullif(s.last_error, '')) AS detail FROM seen s
         WHERE s.worker_id = ANY ($3::uuid[])
         UNION ALL SELECT id, 'serving', '' FROM unnest($4::uuid[]) AS id)
       SELECT ${this.schema}.record_requests(worker_id, kind, detail, $5) FROM noted`,
      [this.identity.id, JSON.stringify(rows), begun, ended, hostname()],
    );
  }
}
