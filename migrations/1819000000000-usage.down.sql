-- loses usage_hourly: SELECT count(*) FROM usage_hourly
-- loses model.price_input: SELECT count(*) FROM model WHERE price_currency IS NOT NULL

DROP VIEW usage_overview;
DROP TABLE usage_hourly;
DROP TABLE usage_batch;
ALTER TABLE model DROP COLUMN price_currency, DROP COLUMN price_input, DROP COLUMN price_output, DROP COLUMN price_cached_input,
  DROP COLUMN price_image, DROP COLUMN price_second;
SELECT write_worker_changes();
