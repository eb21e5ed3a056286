-- What the requests of each replica show of workers: ejections, and workers that fail every request though probes find them well.
-- The release before may run beside it: it writes none of the new kinds of events.

CREATE TABLE worker_trouble (
  worker_id uuid NOT NULL CONSTRAINT worker_trouble_worker REFERENCES worker (id) ON DELETE CASCADE,
  replica_id uuid NOT NULL CONSTRAINT worker_trouble_replica REFERENCES replica (id) ON DELETE CASCADE,
  generation integer NOT NULL,
  state text NOT NULL,
  cause text NOT NULL DEFAULT '',
  since timestamptz NOT NULL,
  until timestamptz,
  failures integer NOT NULL DEFAULT 0,
  last_error text NOT NULL DEFAULT '',
  last_error_at timestamptz,
  CONSTRAINT worker_trouble_pkey PRIMARY KEY (worker_id, replica_id),
  CONSTRAINT worker_trouble_state_known CHECK (state IN ('ejected', 'failing'))
);
CREATE INDEX worker_trouble_of_replica ON worker_trouble (replica_id);
COMMENT ON TABLE worker_trouble IS 'What requests show of workers, a row for each replica that sees it; no row: nothing is wrong. Health is what probes show.';
COMMENT ON COLUMN worker_trouble.worker_id IS 'The worker.';
COMMENT ON COLUMN worker_trouble.replica_id IS 'The replica whose requests show it.';
COMMENT ON COLUMN worker_trouble.generation IS 'The definition that was called.';
COMMENT ON COLUMN worker_trouble.state IS 'ejected: this replica sends it no requests for a while. failing: its last requests all failed, and it is still in use.';
COMMENT ON COLUMN worker_trouble.cause IS 'Why it is ejected.';
COMMENT ON COLUMN worker_trouble.since IS 'Since when.';
COMMENT ON COLUMN worker_trouble.until IS 'When an ejected worker is tested again.';
COMMENT ON COLUMN worker_trouble.failures IS 'Failed requests in a row.';
COMMENT ON COLUMN worker_trouble.last_error IS 'The error of the last one.';
COMMENT ON COLUMN worker_trouble.last_error_at IS 'When that was.';

-- Under a new name, so that a database shows which release made it.
ALTER TABLE worker_event
  DROP CONSTRAINT worker_event_kind_known,
  ADD CONSTRAINT worker_event_kind_known_2 CHECK (kind IN (
    'registered', 'changed', 'enabled', 'disabled', 'draining', 'offline',
    'healthy', 'suspect', 'unhealthy', 'warming', 'unknown', 'recovered', 'deleted', 'ejected', 'failing', 'serving'));

CREATE OR REPLACE VIEW worker_overview AS
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
