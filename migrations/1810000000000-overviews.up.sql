-- Views for the DBA: every model, every outage, every replica; and a comment on each column of each view. worker_overview
-- gains columns at its end. Adds only: the release before may run beside it.

CREATE VIEW model_overview AS
WITH trouble AS (
  SELECT t.worker_id, min(t.since) AS since, (array_agg(t.last_error ORDER BY t.last_error_at DESC NULLS LAST))[1] AS last_error
  FROM worker_trouble t
    JOIN replica r ON r.id = t.replica_id AND r.seen_at > now() - interval '1 minute'
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

COMMENT ON VIEW model_overview IS 'All models, also those that have only a policy: their workers by state, since when none is usable, the policy: SELECT * FROM model_overview;';
COMMENT ON COLUMN model_overview.model_name IS 'The model, from worker and from model.';
COMMENT ON COLUMN model_overview.state IS 'ok: every enabled worker is usable. degraded: some are. failing: none is, and requests still go to some. down: no enabled worker gets requests. off: none is enabled. no workers: there is only a policy.';
COMMENT ON COLUMN model_overview.state_since IS 'Degraded: since the first of its enabled workers was lost. Failing, down, off: since the last usable worker was lost. Else null.';
COMMENT ON COLUMN model_overview.why IS 'Why the enabled worker that was lost last is not usable: its health_reason, or the last error of its requests.';
COMMENT ON COLUMN model_overview.workers IS 'All its workers.';
COMMENT ON COLUMN model_overview.enabled IS 'Those that are enabled: usable, failing and unhealthy ones.';
COMMENT ON COLUMN model_overview.usable IS 'Enabled, not unhealthy, and without trouble at any live replica (worker_trouble).';
COMMENT ON COLUMN model_overview.failing IS 'Enabled and not unhealthy, but a live replica has ejected them or sees all their requests fail (worker_trouble).';
COMMENT ON COLUMN model_overview.unhealthy IS 'Enabled workers that probes show to be unhealthy.';
COMMENT ON COLUMN model_overview.healthy IS 'Enabled workers with this health.';
COMMENT ON COLUMN model_overview.suspect IS 'Enabled workers with this health.';
COMMENT ON COLUMN model_overview.warming IS 'Enabled workers with this health.';
COMMENT ON COLUMN model_overview.unknown IS 'Enabled workers with this health: not probed yet.';
COMMENT ON COLUMN model_overview.disabled IS 'Workers with this admin_state.';
COMMENT ON COLUMN model_overview.draining IS 'Workers with this admin_state.';
COMMENT ON COLUMN model_overview.offline IS 'Workers with this admin_state.';
COMMENT ON COLUMN model_overview.capacity IS 'Sum of max_concurrency of the usable workers.';
COMMENT ON COLUMN model_overview.has_policy IS 'Whether the table model has a row for it.';
COMMENT ON COLUMN model_overview.strategy IS 'Of the policy; null: BALANCING_STRATEGY.';
COMMENT ON COLUMN model_overview.fallbacks IS 'Of the policy: models that are tried after this one.';
COMMENT ON COLUMN model_overview.retries IS 'Of the policy; null: BALANCING_RETRIES.';
COMMENT ON COLUMN model_overview.retry_on IS 'Of the policy: which failures are retried; null: the default ones.';
COMMENT ON COLUMN model_overview.queue_max IS 'Of the policy: how many requests may wait; null: the default.';
COMMENT ON COLUMN model_overview.queue_wait_ms IS 'Of the policy: how long a request may wait; null: BALANCING_QUEUE_WAIT_MS.';
COMMENT ON COLUMN model_overview.connect_ms IS 'Of the policy; null: CONNECT_TIMEOUT_MS.';
COMMENT ON COLUMN model_overview.first_byte_ms IS 'Of the policy; null: FIRST_BYTE_TIMEOUT_MS.';
COMMENT ON COLUMN model_overview.idle_ms IS 'Of the policy; null: IDLE_TIMEOUT_MS.';
COMMENT ON COLUMN model_overview.total_ms IS 'Of the policy; null: REQUEST_TIMEOUT_MS.';
COMMENT ON COLUMN model_overview.policy_updated_at IS 'When the policy last changed.';
COMMENT ON COLUMN model_overview.policy_updated_by IS 'The actor of that change.';

CREATE VIEW worker_outage AS
WITH step AS (
  SELECT e.subject_id AS worker_id, e.id, e.at, e.kind, e.note AS detail, e.actor, e.subject_name AS model_name, e.req_url_template, t.by_what, t.is_out
  FROM event e CROSS JOIN LATERAL (VALUES
    ('health', CASE WHEN e.kind = 'unhealthy' THEN true
      WHEN e.kind IN ('healthy', 'suspect', 'warming', 'unknown', 'recovered', 'deleted', 'restored') THEN false END),
    ('admin_state', CASE WHEN e.kind IN ('disabled', 'draining', 'offline') THEN true
      WHEN e.kind IN ('registered', 'enabled', 'deleted', 'restored') THEN false END)) AS t (by_what, is_out)
  WHERE e.subject = 'worker' AND t.is_out IS NOT NULL
  -- What is out now counts, also when the event that began it was purged.
  UNION ALL SELECT id, 9223372036854775807, health_since, 'unhealthy', health_reason, '', model_name, req_url_template, 'health', true
  FROM worker WHERE health = 'unhealthy'
  UNION ALL SELECT id, 9223372036854775807, admin_state_since, admin_state, '', admin_state_by, model_name, req_url_template, 'admin_state', true
  FROM worker WHERE admin_state <> 'enabled'
), compared AS (
  SELECT *, lag(is_out, 1, false) OVER (PARTITION BY worker_id, by_what ORDER BY id) AS was_out FROM step
), turn AS (
  SELECT *, lead(at) OVER next AS ended_at, lead(kind) OVER next AS ended_with, lead(actor) OVER next AS ended_by
  FROM compared WHERE is_out <> was_out WINDOW next AS (PARTITION BY worker_id, by_what ORDER BY id)
)
SELECT t.model_name, w.name AS worker_name, split_part(t.req_url_template, '?', 1) AS url, t.worker_id, t.by_what,
  t.at AS began_at, t.ended_at, coalesce(t.ended_at, now()) - t.at AS lasted,
  CASE t.by_what WHEN 'health' THEN t.detail ELSE t.kind END AS cause, t.actor AS began_by, t.ended_with, t.ended_by
FROM turn t LEFT JOIN worker w ON w.id = t.worker_id
WHERE t.is_out;

COMMENT ON VIEW worker_outage IS 'Outages of workers, from the history (kept for EVENT_RETENTION_DAYS) and the present: SELECT * FROM worker_outage WHERE began_at > now() - interval ''7 days'' ORDER BY lasted DESC; Ejections by requests are in worker_trouble and in the history.';
COMMENT ON COLUMN worker_outage.model_name IS 'Its model when the outage began.';
COMMENT ON COLUMN worker_outage.worker_name IS 'Its name; null: the worker was deleted.';
COMMENT ON COLUMN worker_outage.url IS 'Its URL when the outage began, without the query.';
COMMENT ON COLUMN worker_outage.worker_id IS 'The worker.';
COMMENT ON COLUMN worker_outage.by_what IS 'health: probes found it unhealthy. admin_state: it was disabled, drained or taken offline. A worker may be out by both at once.';
COMMENT ON COLUMN worker_outage.began_at IS 'When it was lost.';
COMMENT ON COLUMN worker_outage.ended_at IS 'When it came back or was deleted; null: it is still out.';
COMMENT ON COLUMN worker_outage.lasted IS 'From began_at to ended_at, or until now.';
COMMENT ON COLUMN worker_outage.cause IS 'Of health: what the probe saw. Of admin_state: the first state it was given.';
COMMENT ON COLUMN worker_outage.began_by IS 'The actor of the event that began it; empty: the event was purged.';
COMMENT ON COLUMN worker_outage.ended_with IS 'The kind of event that ended it.';
COMMENT ON COLUMN worker_outage.ended_by IS 'The actor of that event.';

CREATE VIEW replica_overview AS
WITH live AS (
  SELECT id, settings FROM replica WHERE seen_at > now() - interval '15 seconds' AND json_typeof(settings) = 'object'
), differing AS (
  SELECT r.id, s.key AS name, count(*) FILTER (WHERE o.settings ->> s.key <> s.value) AS others, count(*) AS compared
  FROM live r CROSS JOIN LATERAL json_each_text(r.settings) s JOIN live o ON o.id <> r.id GROUP BY r.id, s.key
)
SELECT r.id, left(r.id::text, 8) AS short_id, r.host, r.version, r.started_at, r.seen_at,
  r.seen_at > now() - interval '15 seconds' AS alive,
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

COMMENT ON VIEW replica_overview IS 'The running copies of the service: version, whether they are alive, in what settings they differ, and what they hold: SELECT * FROM replica_overview;';
COMMENT ON COLUMN replica_overview.id IS 'replica.id, and the owner of its leases.';
COMMENT ON COLUMN replica_overview.short_id IS 'The beginning of its id, as in application_name: mmm <short_id> <what for> <host>.';
COMMENT ON COLUMN replica_overview.host IS 'The host it runs on; on Kubernetes, the pod.';
COMMENT ON COLUMN replica_overview.version IS 'The version of the service.';
COMMENT ON COLUMN replica_overview.started_at IS 'When it first reported.';
COMMENT ON COLUMN replica_overview.seen_at IS 'When it last reported; it does so every 5 s.';
COMMENT ON COLUMN replica_overview.alive IS 'It reported within the last 15 s. A replica that stops deletes its row; that of one that died is deleted after an hour.';
COMMENT ON COLUMN replica_overview.draining IS 'It stops, and takes no new requests.';
COMMENT ON COLUMN replica_overview.still_running IS 'While it drains: requests that still run there. Else null.';
COMMENT ON COLUMN replica_overview.differs_in IS 'Settings that must be the same everywhere and differ from those of other live replicas; null: none. The odd one differs from the most.';
COMMENT ON COLUMN replica_overview.uncallable IS 'Workers it cannot call because of its own settings (replica_fault).';
COMMENT ON COLUMN replica_overview.ejected IS 'Workers it sends nothing to for a while, after failures (worker_trouble).';
COMMENT ON COLUMN replica_overview.failing IS 'Workers of which all its latest requests failed (worker_trouble).';
COMMENT ON COLUMN replica_overview.slots IS 'Slots of workers with a small max_concurrency that it holds (worker_slot).';
COMMENT ON COLUMN replica_overview.probes IS 'Workers it is probing at this moment (worker_probe.lease_owner).';
COMMENT ON COLUMN replica_overview.jobs IS 'Jobs it acts on at this moment (job.lease_owner).';
COMMENT ON COLUMN replica_overview.connections IS 'Its connections to this database.';

CREATE OR REPLACE VIEW worker_overview AS
SELECT w.model_name, w.name, w.req_url_template, w.owner, w.admin_state, w.health, w.health_reason,
  date_trunc('second', now() - w.health_since) AS health_for,
  p.last_probe_at, p.last_ok, p.last_detail, p.last_ms, p.next_probe_at, p.lease_owner,
  w.weight, w.priority, w.max_concurrency, w.generation, w.id, p.last_served_at, w.heartbeat_ttl_s, p.heartbeat_at,
  (SELECT string_agg(t.state || ' since ' || to_char(t.since, 'YYYY-MM-DD HH24:MI:SS') || ' on ' || r.host
     || coalesce(': ' || nullif(t.cause, ''), '') || coalesce(': ' || nullif(t.last_error, ''), ''), '; ' ORDER BY t.since)
   FROM worker_trouble t JOIN replica r ON r.id = t.replica_id AND r.seen_at > now() - interval '1 minute'
   WHERE t.worker_id = w.id AND t.generation = w.generation) AS requests,
  w.health_since, w.admin_state_since, w.admin_state_by
FROM worker w LEFT JOIN worker_probe p ON p.worker_id = w.id
ORDER BY w.model_name, w.created_at, w.id;
COMMENT ON COLUMN worker_overview.model_name IS 'Its model.';
COMMENT ON COLUMN worker_overview.name IS 'Its name; empty: it has none.';
COMMENT ON COLUMN worker_overview.req_url_template IS 'Where it is called.';
COMMENT ON COLUMN worker_overview.owner IS 'Its team or contact, as registered.';
COMMENT ON COLUMN worker_overview.admin_state IS 'What people want: enabled, disabled, draining or offline. Only an enabled worker gets requests.';
COMMENT ON COLUMN worker_overview.health IS 'What probes show: unknown, healthy, suspect, unhealthy or warming. An unhealthy worker gets no requests.';
COMMENT ON COLUMN worker_overview.health_reason IS 'Why it has this health.';
COMMENT ON COLUMN worker_overview.health_for IS 'For how long.';
COMMENT ON COLUMN worker_overview.last_probe_at IS 'When it was last probed.';
COMMENT ON COLUMN worker_overview.last_ok IS 'Whether that probe succeeded.';
COMMENT ON COLUMN worker_overview.last_detail IS 'What that probe saw.';
COMMENT ON COLUMN worker_overview.last_ms IS 'How long that probe took.';
COMMENT ON COLUMN worker_overview.next_probe_at IS 'When it is probed next.';
COMMENT ON COLUMN worker_overview.lease_owner IS 'The replica that is probing it now: replica.id.';
COMMENT ON COLUMN worker_overview.weight IS 'Its share of the requests, relative to others of its model.';
COMMENT ON COLUMN worker_overview.priority IS 'Its tier; the lowest number that has usable workers is used.';
COMMENT ON COLUMN worker_overview.max_concurrency IS 'How many requests may run on it at once, over all replicas.';
COMMENT ON COLUMN worker_overview.generation IS 'Rises with every change of its definition.';
COMMENT ON COLUMN worker_overview.id IS 'worker.id.';
COMMENT ON COLUMN worker_overview.last_served_at IS 'When a request last succeeded on it, to within 10 s.';
COMMENT ON COLUMN worker_overview.heartbeat_ttl_s IS 'How often it must renew its registration; null: never.';
COMMENT ON COLUMN worker_overview.heartbeat_at IS 'When it last did.';
COMMENT ON COLUMN worker_overview.requests IS 'What requests show, by replica (worker_trouble); null: nothing is wrong.';
COMMENT ON COLUMN worker_overview.health_since IS 'Since when it has this health.';
COMMENT ON COLUMN worker_overview.admin_state_since IS 'Since when it has this admin_state.';
COMMENT ON COLUMN worker_overview.admin_state_by IS 'The actor that set it; empty: it was registered so.';

COMMENT ON COLUMN job_overview.id IS 'job.id.';
COMMENT ON COLUMN job_overview.model_name IS 'The model that the client asked for.';
COMMENT ON COLUMN job_overview.kind IS 'What is made: image, video, audio or text.';
COMMENT ON COLUMN job_overview.owner_key IS 'The key of the caller; empty without keys.';
COMMENT ON COLUMN job_overview.state IS 'As in job.state.';
COMMENT ON COLUMN job_overview.state_for IS 'For how long.';
COMMENT ON COLUMN job_overview.age IS 'From its creation to its end, or until now.';
COMMENT ON COLUMN job_overview.why IS 'Why it failed, or what it waits for.';
COMMENT ON COLUMN job_overview.worker_name IS 'The name of its worker.';
COMMENT ON COLUMN job_overview.worker_url IS 'Where its worker is called.';
COMMENT ON COLUMN job_overview.worker_state IS 'The admin_state of its worker.';
COMMENT ON COLUMN job_overview.worker_health IS 'The health of its worker.';
COMMENT ON COLUMN job_overview.worker_id IS 'Its worker; null: none yet, or it was deleted.';
COMMENT ON COLUMN job_overview.upstream_word IS 'The upstream''s own word for its state.';
COMMENT ON COLUMN job_overview.progress IS '0 to 100.';
COMMENT ON COLUMN job_overview.queue_position IS 'In the upstream''s queue, where it says so.';
COMMENT ON COLUMN job_overview.submits IS 'How often it was submitted.';
COMMENT ON COLUMN job_overview.looks IS 'How often the upstream was asked for it.';
COMMENT ON COLUMN job_overview.created_at IS 'When the client''s request was accepted.';
COMMENT ON COLUMN job_overview.submitted_at IS 'When it was last given to a worker.';
COMMENT ON COLUMN job_overview.ended_at IS 'When it ended; null: it has not.';
COMMENT ON COLUMN job_overview.due_at IS 'When it is looked at next; of a queued job, when it may start.';
COMMENT ON COLUMN job_overview.deadline_at IS 'A job that is still running then fails, after one more look.';
COMMENT ON COLUMN job_overview.expires_at IS 'When the upstream deletes the files of the result, where that is known.';
COMMENT ON COLUMN job_overview.lease_host IS 'The host of the replica that acts on it now.';
COMMENT ON COLUMN job_overview.lease_until IS 'Another replica takes over after that.';
COMMENT ON COLUMN job_overview.cancel_wanted IS 'Whether it was cancelled by its client or by hand.';
COMMENT ON COLUMN job_overview.removed_at IS 'When its caller deleted it.';
COMMENT ON COLUMN job_overview.request_id IS 'The id of the client''s request in the log.';
