-- Which replicas are alive, in one place: all views and all queries of the service read live_replica. model_overview and worker_overview
-- counted a replica that died for a minute. The release before has the 15 s in its own queries, and may run beside this one.

-- Three reports in a row are missing: a replica reports every 5 s (replicas.heartbeatMs in src/config/tuning.ts).
CREATE VIEW live_replica AS
SELECT id, host, version, started_at, seen_at, drained, settings, draining, load
FROM replica WHERE seen_at > now() - interval '15 seconds';

CREATE OR REPLACE VIEW model_overview AS
WITH trouble AS (
  SELECT t.worker_id, min(t.since) AS since, (array_agg(t.last_error ORDER BY t.last_error_at DESC NULLS LAST))[1] AS last_error
  FROM worker_trouble t
    JOIN live_replica r ON r.id = t.replica_id
    JOIN worker w ON w.id = t.worker_id AND w.generation = t.generation
  GROUP BY t.worker_id
), each AS (
  SELECT w.model_name, w.admin_state, w.health, w.max_concurrency,
    CASE WHEN w.admin_state <> 'enabled' THEN 'off' WHEN w.health = 'unhealthy' THEN 'unhealthy'
      WHEN t.worker_id IS NOT NULL THEN 'failing' ELSE 'usable' END AS state,
    CASE WHEN w.admin_state <> 'enabled' THEN w.admin_state_since WHEN w.health = 'unhealthy' THEN w.health_since ELSE t.since END AS since,
    CASE WHEN w.admin_state <> 'enabled' THEN w.admin_state WHEN w.health = 'unhealthy' THEN w.health_reason ELSE t.last_error END AS reason
  FROM worker w LEFT JOIN trouble t ON t.worker_id = w.id
), counted AS (
  SELECT model_name, count(*) AS workers,
    count(*) FILTER (WHERE state <> 'off') AS enabled,
    count(*) FILTER (WHERE state = 'usable') AS usable,
    count(*) FILTER (WHERE state = 'failing') AS failing,
    count(*) FILTER (WHERE state = 'unhealthy') AS unhealthy,
    count(*) FILTER (WHERE state <> 'off' AND health = 'healthy') AS healthy,
    count(*) FILTER (WHERE state <> 'off' AND health = 'suspect') AS suspect,
    count(*) FILTER (WHERE state <> 'off' AND health = 'warming') AS warming,
    count(*) FILTER (WHERE state <> 'off' AND health = 'unknown') AS unknown,
    count(*) FILTER (WHERE admin_state = 'disabled') AS disabled,
    count(*) FILTER (WHERE admin_state = 'draining') AS draining,
    count(*) FILTER (WHERE admin_state = 'offline') AS offline,
    coalesce(sum(max_concurrency) FILTER (WHERE state = 'usable'), 0) AS capacity,
    min(since) FILTER (WHERE state NOT IN ('usable', 'off')) AS first_lost,
    max(since) FILTER (WHERE state <> 'usable') AS last_lost,
    (array_agg(reason ORDER BY since DESC NULLS LAST) FILTER (WHERE state NOT IN ('usable', 'off')))[1] AS reason
  FROM each GROUP BY model_name
)
SELECT coalesce(c.model_name, m.name) AS model_name,
  CASE WHEN c.workers IS NULL THEN 'no workers' WHEN c.enabled = 0 THEN 'off' WHEN c.usable = c.enabled THEN 'ok'
    WHEN c.usable > 0 THEN 'degraded' WHEN c.failing > 0 THEN 'failing' ELSE 'down' END AS state,
  CASE WHEN c.usable = 0 THEN c.last_lost ELSE c.first_lost END AS state_since,
  c.reason AS why,
  coalesce(c.workers, 0) AS workers, coalesce(c.enabled, 0) AS enabled, coalesce(c.usable, 0) AS usable, coalesce(c.failing, 0) AS failing,
  coalesce(c.unhealthy, 0) AS unhealthy, coalesce(c.healthy, 0) AS healthy, coalesce(c.suspect, 0) AS suspect,
  coalesce(c.warming, 0) AS warming, coalesce(c.unknown, 0) AS unknown, coalesce(c.disabled, 0) AS disabled,
  coalesce(c.draining, 0) AS draining, coalesce(c.offline, 0) AS offline, coalesce(c.capacity, 0) AS capacity,
  m.name IS NOT NULL AS has_policy, m.strategy, m.fallbacks, m.retries, m.retry_on, m.queue_max, m.queue_wait_ms,
  m.connect_ms, m.first_byte_ms, m.idle_ms, m.total_ms, m.updated_at AS policy_updated_at, m.updated_by AS policy_updated_by
FROM counted c FULL JOIN model m ON m.name = c.model_name
ORDER BY 1;

CREATE OR REPLACE VIEW worker_overview AS
SELECT w.model_name, w.name, w.req_url_template, w.owner, w.admin_state, w.health, w.health_reason,
  date_trunc('second', now() - w.health_since) AS health_for,
  p.last_probe_at, p.last_ok, p.last_detail, p.last_ms, p.next_probe_at, p.lease_owner,
  w.weight, w.priority, w.max_concurrency, w.generation, w.id, p.last_served_at, w.heartbeat_ttl_s, p.heartbeat_at,
  (SELECT string_agg(t.state || ' since ' || to_char(t.since, 'YYYY-MM-DD HH24:MI:SS') || ' on ' || r.host
     || coalesce(': ' || nullif(t.cause, ''), '') || coalesce(': ' || nullif(t.last_error, ''), ''), '; ' ORDER BY t.since)
   FROM worker_trouble t JOIN live_replica r ON r.id = t.replica_id
   WHERE t.worker_id = w.id AND t.generation = w.generation) AS requests,
  w.health_since, w.admin_state_since, w.admin_state_by
FROM worker w LEFT JOIN worker_probe p ON p.worker_id = w.id
ORDER BY w.model_name, w.created_at, w.id;

CREATE OR REPLACE VIEW replica_overview AS
WITH live AS (
  SELECT id, settings FROM live_replica WHERE json_typeof(settings) = 'object'
), differing AS (
  SELECT r.id, s.key AS name, count(*) FILTER (WHERE o.settings ->> s.key <> s.value) AS others, count(*) AS compared
  FROM live r CROSS JOIN LATERAL json_each_text(r.settings) s JOIN live o ON o.id <> r.id GROUP BY r.id, s.key
)
SELECT r.id, left(r.id::text, 8) AS short_id, r.host, r.version, r.started_at, r.seen_at,
  EXISTS (SELECT FROM live_replica l WHERE l.id = r.id) AS alive,
  r.draining IS NOT NULL AS draining,
  CASE WHEN r.draining IS NOT NULL THEN (SELECT coalesce(sum(value::integer), 0) FROM json_each_text(r.draining)) END AS still_running,
  (SELECT string_agg(format('%s (unlike %s of %s others)', name, others, compared), ', ' ORDER BY name)
   FROM differing d WHERE d.id = r.id AND d.others > 0) AS differs_in,
  (SELECT count(*) FROM replica_fault f JOIN worker w ON w.id = f.worker_id AND w.generation = f.generation WHERE f.replica_id = r.id) AS uncallable,
  (SELECT count(*) FROM worker_trouble t JOIN worker w ON w.id = t.worker_id AND w.generation = t.generation
   WHERE t.replica_id = r.id AND t.state = 'ejected') AS ejected,
  (SELECT count(*) FROM worker_trouble t JOIN worker w ON w.id = t.worker_id AND w.generation = t.generation
   WHERE t.replica_id = r.id AND t.state = 'failing') AS failing,
  (SELECT count(*) FROM worker_slot s WHERE s.replica_id = r.id AND s.lease_until > now()) AS slots,
  (SELECT count(*) FROM worker_probe p WHERE p.lease_owner = r.id::text AND p.lease_until > now()) AS probes,
  (SELECT count(*) FROM job j WHERE j.lease_owner = r.id AND j.lease_until > now()) AS jobs,
  (SELECT count(*) FROM pg_stat_activity a WHERE a.datname = current_database()
   AND starts_with(a.application_name, 'mmm ' || left(r.id::text, 8) || ' ')) AS connections
FROM replica r
ORDER BY r.started_at, r.id;

COMMENT ON VIEW live_replica IS 'The rows of replica that reported within the last 15 s; they do so every 5 s. The others have died: SELECT host FROM live_replica;';
COMMENT ON COLUMN live_replica.id IS 'replica.id.';
COMMENT ON COLUMN live_replica.host IS 'replica.host.';
COMMENT ON COLUMN live_replica.version IS 'replica.version.';
COMMENT ON COLUMN live_replica.started_at IS 'replica.started_at.';
COMMENT ON COLUMN live_replica.seen_at IS 'replica.seen_at.';
COMMENT ON COLUMN live_replica.drained IS 'replica.drained.';
COMMENT ON COLUMN live_replica.settings IS 'replica.settings.';
COMMENT ON COLUMN live_replica.draining IS 'replica.draining.';
COMMENT ON COLUMN live_replica.load IS 'replica.load.';

COMMENT ON COLUMN replica_overview.alive IS 'It is in live_replica. A replica that stops deletes its row; that of one that died is deleted after an hour.';
