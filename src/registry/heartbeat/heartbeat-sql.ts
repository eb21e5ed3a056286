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
