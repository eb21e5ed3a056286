-- loses nothing

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

DROP VIEW scheduling_overview;
COMMENT ON COLUMN replica_demand.demand IS 'By tenant, "*" for all: slots that its requests could use (a mean that fades within seconds), and whether requests wait.';

SELECT set_config('search_path', quote_ident(current_schema()), true);
