-- loses nothing

DROP INDEX usage_by_worker_day_key;
DROP INDEX usage_hourly_worker;
