-- loses worker_event: SELECT count(*) FROM worker_event WHERE kind IN ('ejected', 'failing', 'serving')
-- Not counted, because requests show it again: worker_trouble.

DROP VIEW worker_overview;
CREATE VIEW worker_overview AS
SELECT w.model_name, w.name, w.req_url_template, w.owner, w.admin_state, w.health, w.health_reason,
  date_trunc('second', now() - w.health_since) AS health_for,
  p.last_probe_at, p.last_ok, p.last_detail, p.last_ms, p.next_probe_at, p.lease_owner,
  w.weight, w.priority, w.max_concurrency, w.generation, w.id, p.last_served_at, w.heartbeat_ttl_s, p.heartbeat_at
FROM worker w LEFT JOIN worker_probe p ON p.worker_id = w.id
ORDER BY w.model_name, w.created_at, w.id;
COMMENT ON VIEW worker_overview IS 'All workers with their state and the result of the last probe: SELECT * FROM worker_overview;';
DROP TABLE worker_trouble;
DELETE FROM worker_event WHERE kind IN ('ejected', 'failing', 'serving');
ALTER TABLE worker_event
  DROP CONSTRAINT worker_event_kind_known_2,
  ADD CONSTRAINT worker_event_kind_known CHECK (kind IN (
    'registered', 'changed', 'enabled', 'disabled', 'draining', 'offline',
    'healthy', 'suspect', 'unhealthy', 'warming', 'unknown', 'recovered', 'deleted'));
