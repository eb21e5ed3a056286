import { Injectable, Logger } from '@nestjs/common';
import { DatabaseSettings } from '../../config/settings.js';
import { JobSettings } from '../../config/job-settings.js';
import { Database } from '../../database/database.js';
import type { JobErrorCode } from '../job.js';
import { storable } from '../job-rows.js';
import { afterOutcome, EMPTY_RECORD, type Outcome, type WorkerRecord } from './worker-record.js';

interface Row {
  readonly busy_in_row: number;
  readonly faults_in_row: number;
  readonly failures_in_row: number;
  readonly pause_ms: number;
  readonly pause_reason: WorkerRecord['pauseReason'];
}

/** Keeps the table `job_worker`. What cannot be written is lost: it is an opinion, not a job. */
@Injectable()
export class WorkerRecords {
  private readonly logger = new Logger('Jobs');
  private readonly table: string;

  constructor(
    private readonly database: Database,
    private readonly settings: JobSettings,
    { schema }: DatabaseSettings,
  ) {
    this.table = `"${schema}".job_worker`;
  }

  /** @param failure the words of a job that failed */
  async note(workerId: string, outcome: Outcome, failure = ''): Promise<void> {
    try {
      if (outcome.kind === 'succeeded') await this.forget(workerId);
      else if (outcome.kind === 'accepted') await this.taken(workerId);
      else await this.change(workerId, outcome, failure);
    } catch (error) {
      this.logger.debug(`the record of worker ${workerId} was not written: ${String(error)}`);
    }
  }

  private async forget(workerId: string): Promise<void> {
    await this.database.query(`DELETE FROM ${this.table} WHERE worker_id = $1`, [workerId]);
  }

  private async taken(workerId: string): Promise<void> {
    await this.database.query(
      `UPDATE ${this.table} SET busy_in_row = 0 WHERE worker_id = $1 AND busy_in_row > 0`,
      [workerId],
    );
  }

  private async change(workerId: string, outcome: Outcome, failure: string): Promise<void> {
    const after = await this.database.transaction('jobs', async (manager) => {
      await manager.query(`INSERT INTO ${this.table} (worker_id) VALUES ($1) ON CONFLICT DO NOTHING`, [
        workerId,
      ]);
      const [row]: Row[] = await manager.query(
        `SELECT busy_in_row, faults_in_row, failures_in_row, pause_reason,
           greatest(0, coalesce(extract(epoch FROM paused_until - now())::float8 * 1000, 0)) AS pause_ms
         FROM ${this.table} WHERE worker_id = $1 FOR UPDATE`,
        [workerId],
      );
      const record = afterOutcome(
        row === undefined ? EMPTY_RECORD : recordOf(row),
        outcome,
        this.settings.failures,
      );
      await manager.query(
        `UPDATE ${this.table} SET busy_in_row = $2, faults_in_row = $3, failures_in_row = $4,
           paused_until = CASE WHEN $5 > 0 THEN now() + $5 * interval '1 ms' END, pause_reason = $6,
           last_failure = CASE WHEN $7 = '' THEN last_failure ELSE $7 END, last_failure_at = CASE WHEN $7 = '' THEN last_failure_at ELSE now() END
         WHERE worker_id = $1`,
        [
          workerId,
          record.busyInRow,
          record.faultsInRow,
          record.failuresInRow,
          record.pauseMs,
          record.pauseReason,
          storable(failure),
        ],
      );
      return record;
    });
    if (after.pauseMs > 0 && after.pauseReason === 'faults')
      this.logger.warn(
        `worker ${workerId} gets no new jobs for ${Math.round(after.pauseMs / 1000)} s: ${failure}`,
      );
  }
}

function recordOf(row: Row): WorkerRecord {
  return {
    busyInRow: row.busy_in_row,
    faultsInRow: row.faults_in_row,
    failuresInRow: row.failures_in_row,
    pauseMs: row.pause_ms,
    pauseReason: row.pause_reason,
  };
}

/** What the end of a job shows of its worker; `null`: nothing. */
export function outcomeOf(code: JobErrorCode | null): Outcome | null {
  switch (code) {
    case null:
      return { kind: 'succeeded' };
    case 'upstream_lost':
    case 'timeout':
    case 'submit_unknown':
    case 'result_unreachable':
    case 'misconfigured':
      return { kind: 'fault' };
    case 'upstream_failed':
    case 'submit_refused':
    case 'result_missing':
    case 'result_forbidden':
      return { kind: 'failed' };
    case 'busy':
    case 'cancelled':
    case 'worker_deleted':
      return null;
  }
}
