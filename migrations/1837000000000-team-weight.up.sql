-- The weight of a team beside others that want the same slots. Adds a column with a default. The release before may run beside it: it serves
-- requests in the order in which they come, and its changes of teams leave the column as it is.

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

ALTER TABLE team ADD COLUMN weight integer NOT NULL DEFAULT 1,
  ADD CONSTRAINT team_weight_range CHECK (weight BETWEEN 1 AND 1000);

SELECT write_row_checks();

COMMENT ON COLUMN team.weight IS 'Its part of a model''s slots, 1 to 1000, beside those of the other teams and keys that want more than there are.';

SELECT set_config('search_path', quote_ident(current_schema()), true);
