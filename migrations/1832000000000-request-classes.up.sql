-- Classes of requests: interactive, default and bulk. Adds columns with defaults. The release before may run beside it: it takes all requests
-- for default, and its changes of keys, teams and policies leave the columns as they are.

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

ALTER TABLE api_key ADD COLUMN priority text,
  ADD CONSTRAINT api_key_priority_known CHECK (priority IN ('interactive', 'default', 'bulk'));
ALTER TABLE team ADD COLUMN max_priority text NOT NULL DEFAULT 'interactive',
  ADD CONSTRAINT team_max_priority_known CHECK (max_priority IN ('interactive', 'default', 'bulk'));
ALTER TABLE model ADD COLUMN priority text, ADD COLUMN bulk_share double precision,
  ADD CONSTRAINT model_priority_known CHECK (priority IN ('interactive', 'default', 'bulk')),
  ADD CONSTRAINT model_bulk_share_range CHECK (bulk_share BETWEEN 0.05 AND 1);

SELECT write_worker_changes(), write_row_checks();

COMMENT ON COLUMN api_key.priority IS 'The class of its requests that name none: interactive, default or bulk; null: the model decides.';
COMMENT ON COLUMN team.max_priority IS 'The highest class of its requests: interactive, default or bulk. A higher one is lowered to it.';
COMMENT ON COLUMN model.priority IS 'The class of requests that name none, of keys that name none: interactive, default or bulk; null: default.';
COMMENT ON COLUMN model.bulk_share IS 'The share of the slots that bulk may take while other requests come, 0.05 to 1; null: 0.95.';

SELECT set_config('search_path', quote_ident(current_schema()), true);
