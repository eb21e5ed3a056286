-- loses usage_daily: SELECT count(*) FROM usage_daily d WHERE NOT EXISTS (SELECT FROM usage_hourly h WHERE (h.hour AT TIME ZONE 'UTC')::date = d.day)

DROP VIEW usage_overview;
DROP TABLE usage_daily;
CREATE VIEW usage_overview AS
SELECT (hour AT TIME ZONE 'UTC')::date AS day, nullif(team, '') AS team, key_name AS key, nullif(model, '') AS model,
  sum(requests) AS requests, sum(errors_caller + errors_worker + errors_service) AS errors, sum(limited) AS limited,
  sum(input_tokens) AS input_tokens, sum(cached_tokens) AS cached_tokens, sum(output_tokens) AS output_tokens,
  sum(estimated_tokens) AS estimated_tokens, sum(images) AS images, sum(seconds) AS seconds, sum(cost) AS cost, nullif(currency, '') AS currency
FROM usage_hourly GROUP BY 1, 2, key_id, 3, 4, currency;

COMMENT ON VIEW usage_overview IS 'usage_hourly by day (UTC), team, key, model and currency.';
COMMENT ON COLUMN usage_overview.day IS 'The day, UTC.';
COMMENT ON COLUMN usage_overview.team IS 'The team; null: none.';
COMMENT ON COLUMN usage_overview.key IS 'The name of the key; root: ADMIN_API_KEY, or a client that needs no key.';
COMMENT ON COLUMN usage_overview.model IS 'The model that answered; null: none of the registered ones was named.';
COMMENT ON COLUMN usage_overview.requests IS 'Requests, with those that failed.';
COMMENT ON COLUMN usage_overview.errors IS 'Of these, failed, by whosever fault.';
COMMENT ON COLUMN usage_overview.limited IS 'Refused by a limit (429).';
COMMENT ON COLUMN usage_overview.input_tokens IS 'Tokens of the requests, cached ones included.';
COMMENT ON COLUMN usage_overview.cached_tokens IS 'Of these, read from the cache of the server.';
COMMENT ON COLUMN usage_overview.output_tokens IS 'Tokens of the answers.';
COMMENT ON COLUMN usage_overview.estimated_tokens IS 'Of these tokens, those that no server reported.';
COMMENT ON COLUMN usage_overview.images IS 'Images that were made.';
COMMENT ON COLUMN usage_overview.seconds IS 'Seconds of video or audio that were made, where known.';
COMMENT ON COLUMN usage_overview.cost IS 'By the prices at that time; null: no price.';
COMMENT ON COLUMN usage_overview.currency IS 'The currency of cost.';
