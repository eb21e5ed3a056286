-- First pages of long lists. The release before may run beside it; what it counts is missing in model_traffic, so shares of an hour are too large for as long.
-- worker_traffic_model is read by that release only; the next release drops it.

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- The order of the list of workers.
CREATE INDEX worker_created ON worker (created_at, id);

CREATE TABLE model_traffic (
  model_name text NOT NULL,
  at timestamptz NOT NULL,
  replica_id uuid NOT NULL,
  requests integer NOT NULL,
  CONSTRAINT model_traffic_pkey PRIMARY KEY (model_name, at, replica_id)
) WITH (fillfactor = 70);
INSERT INTO model_traffic (model_name, at, replica_id, requests)
SELECT model_name, at, replica_id, sum(requests) FROM worker_traffic GROUP BY 1, 2, 3;

COMMENT ON TABLE model_traffic IS 'The sums of worker_traffic by model, so that shares need no row of each worker. No foreign keys. Kept for 2 hours.';
COMMENT ON COLUMN model_traffic.model_name IS 'The model.';
COMMENT ON COLUMN model_traffic.at IS 'The beginning of the five minutes.';
COMMENT ON COLUMN model_traffic.replica_id IS 'replica.id.';
COMMENT ON COLUMN model_traffic.requests IS 'Attempts of requests at workers of the model that ended.';
