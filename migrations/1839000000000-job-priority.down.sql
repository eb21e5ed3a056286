-- loses job.priority: SELECT count(*) FROM job WHERE priority <> 'default'

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

CREATE INDEX job_queued ON job (model_name, owner_key, created_at) WHERE state = 'queued';
DROP INDEX job_queued_2;
ALTER TABLE job DROP COLUMN priority;
SELECT write_row_checks();

SELECT set_config('search_path', quote_ident(current_schema()), true);
