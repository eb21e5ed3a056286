-- loses team.weight: SELECT count(*) FROM team WHERE weight <> 1

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

ALTER TABLE team DROP COLUMN weight;
SELECT write_row_checks();

SELECT set_config('search_path', quote_ident(current_schema()), true);
