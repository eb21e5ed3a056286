-- What requests used, summed by hour, and prices of models. Adds tables and columns. The release before may run beside it: its
-- requests are not counted, and its changes of policies leave prices as they are.

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- No null in the key, so that it is a primary key: an id of zeros and an empty text stand for "none".
CREATE TABLE usage_hourly (
  hour timestamptz NOT NULL,
  key_id uuid NOT NULL,
  key_name text NOT NULL,
  team text NOT NULL,
  model text NOT NULL,
  worker_id uuid NOT NULL,
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
  CONSTRAINT usage_hourly_pkey PRIMARY KEY (hour, key_id, team, model, worker_id, currency),
  CONSTRAINT usage_hourly_cost CHECK ((cost IS NULL) = (currency = ''))
) WITH (fillfactor = 80);
-- For what one key or one team used in a month.
CREATE INDEX usage_hourly_key ON usage_hourly (key_id, hour);
CREATE INDEX usage_hourly_team ON usage_hourly (team, hour);

CREATE TABLE usage_batch (
  replica_id uuid NOT NULL,
  sequence bigint NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT usage_batch_pkey PRIMARY KEY (replica_id)
);

ALTER TABLE model
  ADD COLUMN price_currency text,
  ADD COLUMN price_input numeric,
  ADD COLUMN price_output numeric,
  ADD COLUMN price_cached_input numeric,
  ADD COLUMN price_image numeric,
  ADD COLUMN price_second numeric,
  ADD CONSTRAINT model_price_currency CHECK (price_currency ~ '^[A-Z]{3}$'),
  ADD CONSTRAINT model_price_complete CHECK ((price_currency IS NULL) = (num_nonnulls(price_input, price_output, price_cached_input, price_image, price_second) = 0)),
  ADD CONSTRAINT model_price_range CHECK (price_input BETWEEN 0 AND 1e9 AND price_output BETWEEN 0 AND 1e9 AND price_cached_input BETWEEN 0 AND 1e9 AND price_image BETWEEN 0 AND 1e9 AND price_second BETWEEN 0 AND 1e9);

CREATE VIEW usage_overview AS
SELECT (hour AT TIME ZONE 'UTC')::date AS day, nullif(team, '') AS team, key_name AS key, nullif(model, '') AS model,
  sum(requests) AS requests, sum(errors_caller + errors_worker + errors_service) AS errors, sum(limited) AS limited,
  sum(input_tokens) AS input_tokens, sum(cached_tokens) AS cached_tokens, sum(output_tokens) AS output_tokens,
  sum(estimated_tokens) AS estimated_tokens, sum(images) AS images, sum(seconds) AS seconds, sum(cost) AS cost, nullif(currency, '') AS currency
FROM usage_hourly GROUP BY 1, 2, key_id, 3, 4, currency;

COMMENT ON TABLE usage_hourly IS 'What requests used, summed by hour, key, team, model, worker and currency. Written by every replica within 2 s. No foreign keys: it outlives what it names. Kept for 400 days.';
COMMENT ON COLUMN usage_hourly.hour IS 'The beginning of the hour in which the requests ended, UTC.';
COMMENT ON COLUMN usage_hourly.key_id IS 'api_key.id; zeros: ADMIN_API_KEY, or a client that needs no key.';
COMMENT ON COLUMN usage_hourly.key_name IS 'The name of the key when it was used last in this hour; root for zeros.';
COMMENT ON COLUMN usage_hourly.team IS 'The team of the key at that time; empty: none.';
COMMENT ON COLUMN usage_hourly.model IS 'The model that answered, which may be a fallback; empty: none of the registered ones was named.';
COMMENT ON COLUMN usage_hourly.worker_id IS 'worker.id, of the last one that was tried; zeros: none was.';
COMMENT ON COLUMN usage_hourly.currency IS 'The currency of cost; empty: the model had no price.';
COMMENT ON COLUMN usage_hourly.requests IS 'Requests, with those that failed, without those that were refused (401, 403) or limited.';
COMMENT ON COLUMN usage_hourly.errors_caller IS 'Of these, failed by the fault of the caller: invalid, rejected by the server of the model, or disconnected.';
COMMENT ON COLUMN usage_hourly.errors_worker IS 'Of these, failed by the fault of a worker.';
COMMENT ON COLUMN usage_hourly.errors_service IS 'Of these, failed because no worker was free, or by a fault of the service.';
COMMENT ON COLUMN usage_hourly.limited IS 'Requests that were refused by a limit of the key or the team (429).';
COMMENT ON COLUMN usage_hourly.input_tokens IS 'Tokens of the requests, cached ones included.';
COMMENT ON COLUMN usage_hourly.cached_tokens IS 'Of these, read from the cache of the server.';
COMMENT ON COLUMN usage_hourly.output_tokens IS 'Tokens of the answers.';
COMMENT ON COLUMN usage_hourly.estimated_tokens IS 'Of input_tokens and output_tokens, those that no server reported: bytes / 4, or the events of a stream.';
COMMENT ON COLUMN usage_hourly.images IS 'Images that were made.';
COMMENT ON COLUMN usage_hourly.seconds IS 'Seconds of video or audio that were made, where known.';
COMMENT ON COLUMN usage_hourly.cost IS 'By the price of the model when each request ended; null: it had none.';
COMMENT ON TABLE usage_batch IS 'The last batch that each replica has added to usage_hourly, so that none is added twice.';
COMMENT ON COLUMN usage_batch.replica_id IS 'replica.id, also of replicas that are gone; rows are deleted after 30 days.';
COMMENT ON COLUMN usage_batch.sequence IS 'The number of the batch; rises.';
COMMENT ON COLUMN usage_batch.at IS 'When it was added.';
COMMENT ON COLUMN model.price_currency IS 'The currency of the prices, three letters; null: no price.';
COMMENT ON COLUMN model.price_input IS 'For a million tokens of input; null: none.';
COMMENT ON COLUMN model.price_output IS 'For a million tokens of output; null: none.';
COMMENT ON COLUMN model.price_cached_input IS 'For a million tokens of input that the server has in its cache; null: as price_input.';
COMMENT ON COLUMN model.price_image IS 'For an image that is made; null: none.';
COMMENT ON COLUMN model.price_second IS 'For a second of video or audio that is made; null: none.';
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

SELECT write_worker_changes();

-- For what follows in the same transaction.
SELECT set_config('search_path', quote_ident(current_schema()), true);
