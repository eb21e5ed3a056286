-- loses api_key.priority: SELECT count(*) FROM api_key WHERE priority IS NOT NULL
-- loses team.max_priority: SELECT count(*) FROM team WHERE max_priority <> 'interactive'
-- loses model.priority: SELECT count(*) FROM model WHERE priority IS NOT NULL OR bulk_share IS NOT NULL

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

ALTER TABLE api_key DROP COLUMN priority;
ALTER TABLE team DROP COLUMN max_priority;
ALTER TABLE model DROP COLUMN priority, DROP COLUMN bulk_share;
SELECT write_worker_changes(), write_row_checks();

SELECT set_config('search_path', quote_ident(current_schema()), true);
