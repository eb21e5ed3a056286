-- What each replica does now, and what it and its workers did in the last hour, for pages that show all replicas. Adds a column and
-- two tables. The release before may run beside it: it writes none of them, and is not counted.

ALTER TABLE replica ADD COLUMN load jsonb NOT NULL DEFAULT '{}';

CREATE TABLE replica_minute (
  replica_id uuid NOT NULL,
  minute timestamptz NOT NULL,
  requests integer NOT NULL,
  failed integer NOT NULL,
  saved_by_retry integer NOT NULL,
  first_tokens integer[] NOT NULL,
  running real NOT NULL,
  waiting real NOT NULL,
  CONSTRAINT replica_minute_pkey PRIMARY KEY (minute, replica_id)
);

CREATE TABLE worker_traffic (
  worker_id uuid NOT NULL,
  at timestamptz NOT NULL,
  replica_id uuid NOT NULL,
  model_name text NOT NULL,
  requests integer NOT NULL,
  failed integer NOT NULL,
  first_tokens integer[],
  CONSTRAINT worker_traffic_pkey PRIMARY KEY (worker_id, at, replica_id)
) WITH (fillfactor = 70);
-- For the share of a worker in the requests of its model.
CREATE INDEX worker_traffic_model ON worker_traffic (model_name, at);

COMMENT ON COLUMN replica.load IS 'What it does now: running requests by worker, waiting ones by model (how many, the longest wait in ms), the sums of its last minute. Written every 2 s where it changed.';
COMMENT ON TABLE replica_minute IS 'What a replica served in a minute. No rows of idle minutes. No foreign key: it outlives the replica. Kept for 2 hours.';
COMMENT ON COLUMN replica_minute.replica_id IS 'replica.id.';
COMMENT ON COLUMN replica_minute.minute IS 'The beginning of the minute.';
COMMENT ON COLUMN replica_minute.requests IS 'Requests that ended, with a model that is registered.';
COMMENT ON COLUMN replica_minute.failed IS 'Of these, failed by the fault of a worker or of the service.';
COMMENT ON COLUMN replica_minute.saved_by_retry IS 'Of these, served by another attempt after one had failed.';
COMMENT ON COLUMN replica_minute.first_tokens IS 'Times to the first token of streams, counted in the buckets of gen_ai_server_time_to_first_token_seconds; the last one is all above.';
COMMENT ON COLUMN replica_minute.running IS 'Running requests, the mean of the minute.';
COMMENT ON COLUMN replica_minute.waiting IS 'Requests that waited for a worker, the mean of the minute.';
COMMENT ON TABLE worker_traffic IS 'What a worker served for a replica in five minutes; only workers with requests. No foreign keys. Kept for 2 hours.';
COMMENT ON COLUMN worker_traffic.worker_id IS 'worker.id.';
COMMENT ON COLUMN worker_traffic.at IS 'The beginning of the five minutes.';
COMMENT ON COLUMN worker_traffic.replica_id IS 'replica.id.';
COMMENT ON COLUMN worker_traffic.model_name IS 'The model of the worker.';
COMMENT ON COLUMN worker_traffic.requests IS 'Attempts of requests at this worker that ended.';
COMMENT ON COLUMN worker_traffic.failed IS 'Of these, failed.';
COMMENT ON COLUMN worker_traffic.first_tokens IS 'Times to the first token of streams that one attempt served, without their wait, in the buckets of replica_minute.first_tokens; null: no stream.';
