-- Of more than 200 tenants of a model at a replica, replica_demand holds the rest as one. Comments only; the release before may run beside it.

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

COMMENT ON COLUMN scheduling_overview.tenant IS 'A team; "key" or "user" and its name, of what is in no team; empty: requests without a key. A team whose name begins like one of these has "team: " before it. "all others": where a replica has more than 200, those that want least, as one.';
COMMENT ON COLUMN scheduling_overview.weight IS 'Its part of the slots beside the others: 1 to 1000. Of "all others" the most that a replica has of them together.';

SELECT set_config('search_path', quote_ident(current_schema()), true);
