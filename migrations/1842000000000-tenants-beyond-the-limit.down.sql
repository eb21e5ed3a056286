-- loses nothing

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

COMMENT ON COLUMN scheduling_overview.tenant IS 'A team; "key" or "user" and its name, of what is in no team; empty: requests without a key. A team whose name begins like one of these has "team: " before it.';
COMMENT ON COLUMN scheduling_overview.weight IS 'Its part of the slots beside the others: 1 to 1000.';

SELECT set_config('search_path', quote_ident(current_schema()), true);
