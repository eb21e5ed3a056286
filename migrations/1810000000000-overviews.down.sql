-- loses nothing

DROP VIEW replica_overview;
DROP VIEW worker_outage;
DROP VIEW model_overview;
DROP VIEW worker_overview;
CREATE VIEW worker_overview AS
SELECT w.model_name, w.name, w.req_url_template, w.owner, w.admin_state, w.health, w.health_reason,
  date_trunc('second', now() - w.health_since) AS health_for,
  p.last_probe_at, p.last_ok, p.last_detail, p.last_ms, p.next_probe_at, p.lease_owner,
  w.weight, w.priority, w.max_concurrency, w.generation, w.id, p.last_served_at, w.heartbeat_ttl_s, p.heartbeat_at,
  (SELECT string_agg(t.state || ' since ' || to_char(t.since, 'YYYY-MM-DD HH24:MI:SS') || ' on ' || r.host
     || coalesce(': ' || nullif(t.cause, ''), '') || coalesce(': ' || nullif(t.last_error, ''), ''), '; ' ORDER BY t.since)
   FROM worker_trouble t JOIN replica r ON r.id = t.replica_id AND r.seen_at > now() - interval '1 minute'
   WHERE t.worker_id = w.id AND t.generation = w.generation) AS requests
FROM worker w LEFT JOIN worker_probe p ON p.worker_id = w.id
ORDER BY w.model_name, w.created_at, w.id;
COMMENT ON VIEW worker_overview IS 'All workers: their state, what the last probe saw, and what requests show: SELECT * FROM worker_overview;';
COMMENT ON COLUMN job_overview.id IS NULL;
COMMENT ON COLUMN job_overview.model_name IS NULL;
COMMENT ON COLUMN job_overview.kind IS NULL;
COMMENT ON COLUMN job_overview.owner_key IS NULL;
COMMENT ON COLUMN job_overview.state IS NULL;
COMMENT ON COLUMN job_overview.state_for IS NULL;
COMMENT ON COLUMN job_overview.age IS NULL;
COMMENT ON COLUMN job_overview.why IS NULL;
COMMENT ON COLUMN job_overview.worker_name IS NULL;
COMMENT ON COLUMN job_overview.worker_url IS NULL;
COMMENT ON COLUMN job_overview.worker_state IS NULL;
COMMENT ON COLUMN job_overview.worker_health IS NULL;
COMMENT ON COLUMN job_overview.worker_id IS NULL;
COMMENT ON COLUMN job_overview.upstream_word IS NULL;
COMMENT ON COLUMN job_overview.progress IS NULL;
COMMENT ON COLUMN job_overview.queue_position IS NULL;
COMMENT ON COLUMN job_overview.submits IS NULL;
COMMENT ON COLUMN job_overview.looks IS NULL;
COMMENT ON COLUMN job_overview.created_at IS NULL;
COMMENT ON COLUMN job_overview.submitted_at IS NULL;
COMMENT ON COLUMN job_overview.ended_at IS NULL;
COMMENT ON COLUMN job_overview.due_at IS NULL;
COMMENT ON COLUMN job_overview.deadline_at IS NULL;
COMMENT ON COLUMN job_overview.expires_at IS NULL;
COMMENT ON COLUMN job_overview.lease_host IS NULL;
COMMENT ON COLUMN job_overview.lease_until IS NULL;
COMMENT ON COLUMN job_overview.cancel_wanted IS NULL;
COMMENT ON COLUMN job_overview.removed_at IS NULL;
COMMENT ON COLUMN job_overview.request_id IS NULL;
