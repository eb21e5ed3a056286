import { Injectable } from '@nestjs/common';
import { DatabaseSettings } from '../../config/settings.js';
import { Database } from '../../database/database.js';
import { InvalidInputError } from '../../input/input-errors.js';
import { NoWorkerToRenewError, WorkerOfflineError } from '../registry-errors.js';
import type { HeartbeatDto } from '../register-worker.dto.js';

interface Found {
  readonly is_offline: boolean;
  readonly promises: boolean;
}

/** Takes down when a worker was last heard of. Never announced, and nobody's state is changed by it. */
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
   * A disabled worker is renewed too: it is there, only not wanted at the moment.
   * @throws NoWorkerToRenewError, WorkerOfflineError, InvalidInputError, DatabaseUnavailableError
   */
  async renew({ model_name: modelName, req_url_template: url, name }: HeartbeatDto): Promise<void> {
    const found = await this.beat(modelName, url, name ?? null);
    if (found.length === 0) throw new NoWorkerToRenewError();
    const live = found.filter(({ is_offline }) => !is_offline);
    if (live.length === 0) throw new WorkerOfflineError(modelName, url);
    if (live.some(({ promises }) => promises)) return;
    const problem = 'this worker was registered without it, so it needs no heartbeats';
    throw new InvalidInputError([{ field: 'heartbeat_ttl_s', problem }]);
  }

  /**
   * One statement, and the row is locked before its state is read: whoever is taking the worker offline is waited for,
   * and who was not is seen by that one. One that had been late is probed at once.
   */
  private beat(modelName: string, url: string, name: string | null): Promise<readonly Found[]> {
    return this.database.query<Found>(
      `WITH w AS MATERIALIZED (
         SELECT id, admin_state, heartbeat_ttl_s, created_at FROM ${this.worker}
         WHERE model_name = $1 AND md5(req_url_template) = md5($2) AND req_url_template = $2 AND ($3::text IS NULL OR name = $3)
         ORDER BY id FOR SHARE),
       renewed AS (
         UPDATE ${this.probe} p SET heartbeat_at = now(),
           next_probe_at = CASE WHEN ${missedHeartbeats('w', 'p', '$4')} THEN least(p.next_probe_at, now()) ELSE p.next_probe_at END
         FROM w WHERE p.worker_id = w.id AND w.admin_state <> 'offline' AND w.heartbeat_ttl_s IS NOT NULL)
       SELECT admin_state = 'offline' AS is_offline, heartbeat_ttl_s IS NOT NULL AS promises FROM w`,
      [modelName, url, name, EVER_MS],
    );
  }
}

/** It does not matter here for how long the database has been there: a probe more does no harm. */
const EVER_MS = 1e12;

/**
 * Whether the last three heartbeats that a worker promised did not come, by the database's clock. While PostgreSQL was
 * away nobody could send one, so nothing expires in that time.
 * @param w,p the aliases of `worker` and `worker_probe`
 * @param availableMs for how long the asker knows the database to have been there; a parameter such as `$1`
 */
export function missedHeartbeats(w: string, p: string, availableMs: string): string {
  return `(${w}.heartbeat_ttl_s IS NOT NULL AND now() > greatest(coalesce(${p}.heartbeat_at, ${w}.created_at),
    pg_postmaster_start_time(), now() - ${availableMs} * interval '1 ms') + 3 * ${w}.heartbeat_ttl_s * interval '1 s')`;
}
