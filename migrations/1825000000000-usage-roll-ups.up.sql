-- Two more sums of usage_hourly, by hour without workers and by day with them: a report reads the smallest table that has what is wanted.
-- The release before may run beside it; what it counts is missing in these two.

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

CREATE TABLE usage_by_hour (
  hour timestamptz NOT NULL,
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
  CONSTRAINT usage_by_hour_pkey PRIMARY KEY (hour, key_id, team, model, currency),
  CONSTRAINT usage_by_hour_cost CHECK ((cost IS NULL) = (currency = ''))
) WITH (fillfactor = 80);
CREATE INDEX usage_by_hour_key ON usage_by_hour (key_id, hour);
INSERT INTO usage_by_hour (hour, key_id, key_name, team, model, currency, requests, errors_caller, errors_worker, errors_service, limited, input_tokens, cached_tokens, output_tokens, estimated_tokens, images, seconds, cost)
SELECT hour, key_id, max(key_name), team, model, currency, sum(requests), sum(errors_caller), sum(errors_worker), sum(errors_service), sum(limited), sum(input_tokens), sum(cached_tokens), sum(output_tokens), sum(estimated_tokens), sum(images), sum(seconds), sum(cost)
FROM usage_hourly GROUP BY 1, 2, 4, 5, 6;

CREATE TABLE usage_by_worker (
  day date NOT NULL,
  worker_id uuid NOT NULL,
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
  CONSTRAINT usage_by_worker_pkey PRIMARY KEY (day, worker_id, key_id, team, model, currency),
  CONSTRAINT usage_by_worker_cost CHECK ((cost IS NULL) = (currency = ''))
) WITH (fillfactor = 80);
CREATE INDEX usage_by_worker_key ON usage_by_worker (key_id, day);
INSERT INTO usage_by_worker (day, worker_id, key_id, key_name, team, model, currency, requests, errors_caller, errors_worker, errors_service, limited, input_tokens, cached_tokens, output_tokens, estimated_tokens, images, seconds, cost)
SELECT (hour AT TIME ZONE 'UTC')::date, worker_id, key_id, max(key_name), team, model, currency, sum(requests), sum(errors_caller), sum(errors_worker), sum(errors_service), sum(limited), sum(input_tokens), sum(cached_tokens), sum(output_tokens), sum(estimated_tokens), sum(images), sum(seconds), sum(cost)
FROM usage_hourly GROUP BY 1, 2, 3, 5, 6, 7;

COMMENT ON TABLE usage_by_hour IS 'What requests used, summed by hour, key, team, model and currency: usage_hourly without workers, written in the same transaction. Kept for 400 days.';
COMMENT ON COLUMN usage_by_hour.hour IS 'The beginning of the hour in which the requests ended, UTC.';
COMMENT ON COLUMN usage_by_hour.key_id IS 'api_key.id; zeros: ADMIN_API_KEY, or a client that needs no key.';
COMMENT ON COLUMN usage_by_hour.key_name IS 'The name of the key when it was used last in this hour; root for zeros.';
COMMENT ON COLUMN usage_by_hour.team IS 'The team of the key at that time; empty: none.';
COMMENT ON COLUMN usage_by_hour.model IS 'The model that answered, which may be a fallback; empty: none of the registered ones was named.';
COMMENT ON COLUMN usage_by_hour.currency IS 'The currency of cost; empty: the model had no price.';
COMMENT ON COLUMN usage_by_hour.requests IS 'Requests, with those that failed, without those that were refused (401, 403) or limited.';
COMMENT ON COLUMN usage_by_hour.errors_caller IS 'Of these, failed by the fault of the caller: invalid, rejected by the server of the model, or disconnected.';
COMMENT ON COLUMN usage_by_hour.errors_worker IS 'Of these, failed by the fault of a worker.';
COMMENT ON COLUMN usage_by_hour.errors_service IS 'Of these, failed because no worker was free, or by a fault of the service.';
COMMENT ON COLUMN usage_by_hour.limited IS 'Requests that were refused by a limit of the key or the team (429).';
COMMENT ON COLUMN usage_by_hour.input_tokens IS 'Tokens of the requests, cached ones included.';
COMMENT ON COLUMN usage_by_hour.cached_tokens IS 'Of these, read from the cache of the server.';
COMMENT ON COLUMN usage_by_hour.output_tokens IS 'Tokens of the answers.';
COMMENT ON COLUMN usage_by_hour.estimated_tokens IS 'Of input_tokens and output_tokens, those that no server reported: bytes / 4, or the events of a stream.';
COMMENT ON COLUMN usage_by_hour.images IS 'Images that were made.';
COMMENT ON COLUMN usage_by_hour.seconds IS 'Seconds of video or audio that were made, where known.';
COMMENT ON COLUMN usage_by_hour.cost IS 'By the price of the model when each request ended; null: it had none.';
COMMENT ON TABLE usage_by_worker IS 'What requests used, summed by day, worker, key, team, model and currency: usage_hourly by day, written in the same transaction. Kept for 400 days.';
COMMENT ON COLUMN usage_by_worker.worker_id IS 'worker.id, of the last one that was tried; zeros: none was.';
COMMENT ON COLUMN usage_by_worker.day IS 'The day in which the requests ended, UTC.';
COMMENT ON COLUMN usage_by_worker.key_id IS 'api_key.id; zeros: ADMIN_API_KEY, or a client that needs no key.';
COMMENT ON COLUMN usage_by_worker.key_name IS 'The name of the key when it was used last in this day; root for zeros.';
COMMENT ON COLUMN usage_by_worker.team IS 'The team of the key at that time; empty: none.';
COMMENT ON COLUMN usage_by_worker.model IS 'The model that answered, which may be a fallback; empty: none of the registered ones was named.';
COMMENT ON COLUMN usage_by_worker.currency IS 'The currency of cost; empty: the model had no price.';
COMMENT ON COLUMN usage_by_worker.requests IS 'Requests, with those that failed, without those that were refused (401, 403) or limited.';
COMMENT ON COLUMN usage_by_worker.errors_caller IS 'Of these, failed by the fault of the caller: invalid, rejected by the server of the model, or disconnected.';
COMMENT ON COLUMN usage_by_worker.errors_worker IS 'Of these, failed by the fault of a worker.';
COMMENT ON COLUMN usage_by_worker.errors_service IS 'Of these, failed because no worker was free, or by a fault of the service.';
COMMENT ON COLUMN usage_by_worker.limited IS 'Requests that were refused by a limit of the key or the team (429).';
COMMENT ON COLUMN usage_by_worker.input_tokens IS 'Tokens of the requests, cached ones included.';
COMMENT ON COLUMN usage_by_worker.cached_tokens IS 'Of these, read from the cache of the server.';
COMMENT ON COLUMN usage_by_worker.output_tokens IS 'Tokens of the answers.';
COMMENT ON COLUMN usage_by_worker.estimated_tokens IS 'Of input_tokens and output_tokens, those that no server reported: bytes / 4, or the events of a stream.';
COMMENT ON COLUMN usage_by_worker.images IS 'Images that were made.';
COMMENT ON COLUMN usage_by_worker.seconds IS 'Seconds of video or audio that were made, where known.';
COMMENT ON COLUMN usage_by_worker.cost IS 'By the price of the model when each request ended; null: it had none.';

-- For what follows in the same transaction.
SELECT set_config('search_path', quote_ident(current_schema()), true);
