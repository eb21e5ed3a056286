import { Injectable } from '@nestjs/common';
import type { Caller } from '../../access/caller.js';
import { checkOwns, type Registered } from '../../access/worker-rights.js';
import { DatabaseSettings } from '../../config/settings.js';
import { Database } from '../../database/database.js';
import { InvalidInputError } from '../../input/input-errors.js';
import type { HeartbeatDto } from '../register-worker.dto.js';
import { urlIs } from '../worker-queries.js';
import { NoWorkerToRenewError, WorkerOfflineError } from '../registry-errors.js';

interface Found extends Registered {
  readonly is_offline: boolean;
  readonly sends_heartbeats: boolean;
}

/** So large that only missed heartbeats count: a probe too many does no harm here. */
const ALWAYS_AVAILABLE_MS = 1e12;

/** Records when a worker sent its last heartbeat. Nothing is announced, and no worker changes its state by it. */
@Injectable()
export class HeartbeatService {
  private readonly worker: string;
  private readonly probe: string;

  constructor(
    private readonly database: Database,
    { schema }: DatabaseSettings,
  ) {
    this.worker = `"${schema}".worker`;
    this.probe = `"${schema}".worker_probe`;
  }

  /**
   * A disabled worker is renewed too: it is there, only switched off.
   * @throws ForbiddenError, NoWorkerToRenewError, WorkerOfflineError, InvalidInputError, DatabaseUnavailableError
   */
  async renew(
    { model_name: modelName, req_url_template: url, name }: HeartbeatDto,
    caller: Caller,
  ): Promise<void> {
    const found = await this.record(modelName, url, name ?? null);
    if (found.length === 0) throw new NoWorkerToRenewError();
    for (const row of found) checkOwns(caller, row);
    const live = found.filter(({ is_offline }) => !is_offline);
    if (live.length === 0) throw new WorkerOfflineError(modelName, url);
    if (live.some(({ sends_heartbeats }) => sends_heartbeats)) return;
    const problem = 'this worker was registered without it, so it needs no heartbeats';
    throw new InvalidInputError([{ field: 'heartbeat_ttl_s', problem }]);
  }

  /**
   * One statement that locks the row before it reads the state: a transaction that takes the worker offline is either waited
   * for or sees this heartbeat. A worker that had missed heartbeats is probed at once.
   */
  private record(modelName: string, url: string, name: string | null): Promise<readonly Found[]> {
    return this.database.query<Found>(
      `WITH w AS MATERIALIZED (
         SELECT id, admin_state, heartbeat_ttl_s, created_at, registered_by_key, registered_by_team FROM ${this.worker}
         WHERE model_name = $1 AND ${urlIs('$2')} AND ($3::text IS NULL OR name = $3)
         ORDER BY id FOR SHARE),
       renewed AS (
         UPDATE ${this.probe} p SET heartbeat_at = now(),
           next_probe_at = CASE WHEN ${missedHeartbeats('w', 'p', '$4')} THEN least(p.next_probe_at, now()) ELSE p.next_probe_at END
         FROM w WHERE p.worker_id = w.id AND w.admin_state <> 'offline' AND w.heartbeat_ttl_s IS NOT NULL)
       SELECT admin_state = 'offline' AS is_offline, heartbeat_ttl_s IS NOT NULL AS sends_heartbeats, registered_by_key, registered_by_team FROM w`,
      [modelName, url, name, ALWAYS_AVAILABLE_MS],
    );
  }
}

/**
 * SQL: whether the last three heartbeats that a worker promised are missing, by the database's clock. No worker can send
 * one while PostgreSQL is away, so that time does not count.
 * @param w,p the aliases of `worker` and `worker_probe`
 * @param availableMs for how long the reader knows the database to be available; a parameter such as `$1`
 */
export function missedHeartbeats(w: string, p: string, availableMs: string): string {
  return `(${w}.heartbeat_ttl_s IS NOT NULL AND now() > greatest(coalesce(${p}.heartbeat_at, ${w}.created_at),
    pg_postmaster_start_time(), now() - ${availableMs} * interval '1 ms') + 3 * ${w}.heartbeat_ttl_s * interval '1 s')`;
}
