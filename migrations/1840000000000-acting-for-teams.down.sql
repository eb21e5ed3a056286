-- loses api_key.may_act_for: SELECT count(*) FROM api_key WHERE may_act_for IS NOT NULL
-- loses job.tenant: SELECT count(*) FROM job WHERE tenant <> ''

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

CREATE INDEX job_queued_2 ON job (model_name, owner_key, priority, created_at) WHERE state = 'queued';
DROP INDEX job_queued_3;
ALTER TABLE job DROP COLUMN tenant;
ALTER TABLE api_key DROP COLUMN may_act_for;
COMMENT ON COLUMN scheduling_overview.tenant IS 'A team, "key" and the name of a key in no team, or empty: requests without a key.';
SELECT write_row_checks();

SELECT set_config('search_path', quote_ident(current_schema()), true);
