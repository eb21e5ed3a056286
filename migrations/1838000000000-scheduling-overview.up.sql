-- Who shares the slots of a model now. Adds a view, and says what the replicas write since teams share slots. The release before may run beside it:
-- it writes the sums only, and its requests are not in the view.

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

CREATE VIEW scheduling_overview AS
SELECT d.model_name, t.name AS tenant, max((t.its ->> 'weight')::int) AS weight,
  sum((t.its ->> 'running')::int)::int AS running, sum((t.its ->> 'running_bulk')::int)::int AS running_bulk,
  round(sum((t.its ->> 'live')::numeric), 1) AS wanted, round(sum((t.its ->> 'bulk')::numeric), 1) AS wanted_bulk,
  round(100 * sum((t.its ->> 'running')::int + (t.its ->> 'running_bulk')::int)
    / nullif(sum(sum((t.its ->> 'running')::int + (t.its ->> 'running_bulk')::int)) OVER (PARTITION BY d.model_name), 0), 1) AS percent,
  jsonb_object_agg(d.replica_id, (t.its ->> 'running')::int + (t.its ->> 'running_bulk')::int) AS by_replica,
  max(d.seen_at) AS seen_at
FROM replica_demand d JOIN live_replica r ON r.id = d.replica_id
  CROSS JOIN LATERAL jsonb_each(d.demand #> '{*,tenants}') AS t (name, its)
GROUP BY d.model_name, t.name
ORDER BY d.model_name, t.name;

COMMENT ON COLUMN replica_demand.demand IS 'Under "*": slots that its requests could use (means that fade within seconds), whether requests wait, and the same by tenant: weight, live, bulk, and what runs.';
COMMENT ON VIEW scheduling_overview IS 'Who shares the slots of models for which requests wait, of late, at two replicas or more: SELECT * FROM scheduling_overview;';
COMMENT ON COLUMN scheduling_overview.model_name IS 'The model.';
COMMENT ON COLUMN scheduling_overview.tenant IS 'A team, "key" and the name of a key in no team, or empty: requests without a key.';
COMMENT ON COLUMN scheduling_overview.weight IS 'Its part of the slots beside the others: 1 to 1000.';
COMMENT ON COLUMN scheduling_overview.running IS 'Requests that run at all replicas, without bulk.';
COMMENT ON COLUMN scheduling_overview.running_bulk IS 'Bulk requests that run.';
COMMENT ON COLUMN scheduling_overview.wanted IS 'Slots that its requests could use, running ones included, without bulk: a mean that fades within seconds.';
COMMENT ON COLUMN scheduling_overview.wanted_bulk IS 'The same of bulk.';
COMMENT ON COLUMN scheduling_overview.percent IS 'Its part of what runs; null: nothing runs.';
COMMENT ON COLUMN scheduling_overview.by_replica IS 'Replica id -> its requests that run there.';
COMMENT ON COLUMN scheduling_overview.seen_at IS 'When a replica last reported it: each second while requests wait, and 10 s more.';

SELECT set_config('search_path', quote_ident(current_schema()), true);
