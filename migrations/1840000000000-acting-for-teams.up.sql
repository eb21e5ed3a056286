-- Keys that act for teams: api_key.may_act_for says for which, and job.tenant for which one a job was made. Adds a column and a column with a
-- default, and replaces the index of waiting jobs, for which it locks `job` as long as that takes. The release before may run beside it: its keys act for
-- their own teams, it leaves the columns as they are, and it starts all jobs of a key in one turn.

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

ALTER TABLE api_key ADD COLUMN may_act_for text[],
  ADD CONSTRAINT api_key_may_act_for_named CHECK (array_position(may_act_for, NULL) IS NULL AND array_position(may_act_for, '') IS NULL AND coalesce(array_ndims(may_act_for), 1) = 1 AND cardinality(may_act_for) <= 100);
ALTER TABLE job ADD COLUMN tenant text NOT NULL DEFAULT '',
  ADD CONSTRAINT job_tenant_length CHECK (char_length(tenant) <= 100);
CREATE INDEX job_queued_3 ON job (model_name, owner_key, tenant, priority, created_at) WHERE state = 'queued';
DROP INDEX job_queued_2;

SELECT write_row_checks();

COMMENT ON COLUMN api_key.may_act_for IS 'The teams for which its requests may be, by the header x-mmm-tenant; an entry *: every name. Null: none. At most 100.';
COMMENT ON COLUMN scheduling_overview.tenant IS 'A team; "key" or "user" and its name, of what is in no team; empty: requests without a key. A team whose name begins like one of these has "team: " before it.';
COMMENT ON COLUMN job.tenant IS 'The team that its key acted for, by the header x-mmm-tenant; empty: its own.';

SELECT set_config('search_path', quote_ident(current_schema()), true);
