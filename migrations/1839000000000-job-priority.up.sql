-- The class of a job: which of a key's waiting jobs goes next, and that bulk goes after the others. Adds a column with a default, and replaces the index
-- of waiting jobs, for which it locks `job` as long as that takes. The release before may run beside it: its jobs are of the class default, and it starts jobs in the
-- order in which they came.

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

ALTER TABLE job ADD COLUMN priority text NOT NULL DEFAULT 'default',
  ADD CONSTRAINT job_priority_known CHECK (priority IN ('interactive', 'default', 'bulk'));
CREATE INDEX job_queued_2 ON job (model_name, owner_key, priority, created_at) WHERE state = 'queued';
DROP INDEX job_queued;

SELECT write_row_checks();

COMMENT ON COLUMN job.priority IS 'Its class: interactive, default or bulk. May be changed while it waits.';

SELECT set_config('search_path', quote_ident(current_schema()), true);
