-- The same sums by day and without workers: what a month or a year used is read from few rows. The release before may run beside it; what
-- it counts is missing here.

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

CREATE TABLE usage_daily (
  day date NOT NULL,
  key_id uuid NOT NULL,
  key_name text NOT NULL,
  team text NOT NULL,
  model text NOT NULL,
  currency text NOT NULL,
  requests bigint NOT NULL DEFAULT 0,
  errors_caller bigint NOT NULL DEFAULT 0,
  errors_worker bigint NOT NULL DEFAULT 0,
  errors_service bigint NOT NULL DEFAULT 0,
  limited bigint NOT NULL DEFAULT 0,
  input_tokens bigint NOT NULL DEFAULT 0,
  cached_tokens bigint NOT NULL DEFAULT 0,
  output_tokens bigint NOT NULL DEFAULT 0,
  estimated_tokens bigint NOT NULL DEFAULT 0,
  images bigint NOT NULL DEFAULT 0,
  seconds double precision NOT NULL DEFAULT 0,
  cost numeric,
  CONSTRAINT usage_daily_pkey PRIMARY KEY (day, key_id, team, model, currency),
  CONSTRAINT usage_daily_cost CHECK ((cost IS NULL) = (currency = ''))
) WITH (fillfactor = 80);
CREATE INDEX usage_daily_key ON usage_daily (key_id, day);
CREATE INDEX usage_daily_team ON usage_daily (team, day);

INSERT INTO usage_daily (day, key_id, key_name, team, model, currency, requests, errors_caller, errors_worker, errors_service, limited, input_tokens, cached_tokens, output_tokens, estimated_tokens, images, seconds, cost)
SELECT (hour AT TIME ZONE 'UTC')::date, key_id, max(key_name), team, model, currency, sum(requests), sum(errors_caller), sum(errors_worker), sum(errors_service), sum(limited), sum(input_tokens), sum(cached_tokens), sum(output_tokens), sum(estimated_tokens), sum(images), sum(seconds), sum(cost)
FROM usage_hourly GROUP BY 1, key_id, team, model, currency;

DROP VIEW usage_overview;
CREATE VIEW usage_overview AS
SELECT day, nullif(team, '') AS team, key_name AS key, nullif(model, '') AS model, requests, errors_caller + errors_worker + errors_service AS errors,
  limited, input_tokens, cached_tokens, output_tokens, estimated_tokens, images, seconds, cost, nullif(currency, '') AS currency
FROM usage_daily;

COMMENT ON TABLE usage_daily IS 'What requests used, summed by day, key, team, model and currency: usage_hourly without workers, written in the same transaction. Kept for 400 days.';
COMMENT ON COLUMN usage_daily.day IS 'The day in which the requests ended, UTC.';
COMMENT ON COLUMN usage_daily.key_id IS 'api_key.id; zeros: ADMIN_API_KEY, or a client that needs no key.';
COMMENT ON COLUMN usage_daily.key_name IS 'The name of the key when it was used last in this day; root for zeros.';
COMMENT ON COLUMN usage_daily.team IS 'The team of the key at that time; empty: none.';
COMMENT ON COLUMN usage_daily.model IS 'The model that answered, which may be a fallback; empty: none of the registered ones was named.';
COMMENT ON COLUMN usage_daily.currency IS 'The currency of cost; empty: the model had no price.';
COMMENT ON COLUMN usage_daily.requests IS 'Requests, with those that failed, without those that were refused (401, 403) or limited.';
COMMENT ON COLUMN usage_daily.errors_caller IS 'Of these, failed by the fault of the caller: invalid, rejected by the server of the model, or disconnected.';
COMMENT ON COLUMN usage_daily.errors_worker IS 'Of these, failed by the fault of a worker.';
COMMENT ON COLUMN usage_daily.errors_service IS 'Of these, failed because no worker was free, or by a fault of the service.';
COMMENT ON COLUMN usage_daily.limited IS 'Requests that were refused by a limit of the key or the team (429).';
COMMENT ON COLUMN usage_daily.input_tokens IS 'Tokens of the requests, cached ones included.';
COMMENT ON COLUMN usage_daily.cached_tokens IS 'Of these, read from the cache of the server.';
COMMENT ON COLUMN usage_daily.output_tokens IS 'Tokens of the answers.';
COMMENT ON COLUMN usage_daily.estimated_tokens IS 'Of input_tokens and output_tokens, those that no server reported: bytes / 4, or the events of a stream.';
COMMENT ON COLUMN usage_daily.images IS 'Images that were made.';
COMMENT ON COLUMN usage_daily.seconds IS 'Seconds of video or audio that were made, where known.';
COMMENT ON COLUMN usage_daily.cost IS 'By the price of the model when each request ended; null: it had none.';
COMMENT ON VIEW usage_overview IS 'usage_daily, with null for none.';
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

-- For what follows in the same transaction.
SELECT set_config('search_path', quote_ident(current_schema()), true);
