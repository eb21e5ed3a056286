-- loses nothing

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

ALTER TABLE replica DROP COLUMN settled, DROP COLUMN knows;

SELECT set_config('search_path', quote_ident(current_schema()), true);
