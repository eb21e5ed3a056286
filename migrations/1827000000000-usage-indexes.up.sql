-- Indexes in the order of pages of usage by hour and worker, and by day, key and worker, which are then read only as far as they reach. Any
-- release may run beside it. While they are built, usage waits in the memory of the replicas.

SELECT set_config('search_path', quote_ident(current_schema()), true);

CREATE INDEX usage_hourly_worker ON usage_hourly (hour, worker_id);
CREATE INDEX usage_by_worker_day_key ON usage_by_worker (day, key_id);
