-- What each replica needs and holds of a model whose slots move between replicas. Written only while requests wait for a worker of the
-- model. Not UNLOGGED: after a crash of the server the rows say who may use how much, and none may be missing. The release before
-- divides every max_concurrency evenly and writes no rows; beside it, no replica uses more than its even share.

CREATE TABLE replica_demand (
  replica_id uuid NOT NULL,
  model_name text NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT now(),
  demand jsonb NOT NULL,
  held jsonb NOT NULL,
  CONSTRAINT replica_demand_pkey PRIMARY KEY (model_name, replica_id),
  CONSTRAINT replica_demand_replica FOREIGN KEY (replica_id) REFERENCES replica (id) ON DELETE CASCADE
) WITH (fillfactor = 50);
CREATE INDEX replica_demand_of_replica ON replica_demand (replica_id);

COMMENT ON TABLE replica_demand IS 'Slots that move between replicas: what a replica needs and holds of a model for which requests have waited. Gone with the replica.';
COMMENT ON COLUMN replica_demand.replica_id IS 'The replica.';
COMMENT ON COLUMN replica_demand.model_name IS 'The model.';
COMMENT ON COLUMN replica_demand.seen_at IS 'When the replica last took part in the exchange.';
COMMENT ON COLUMN replica_demand.demand IS 'By tenant, "*" for all: slots that its requests could use (a mean that fades within seconds), and whether requests wait.';
COMMENT ON COLUMN replica_demand.held IS 'Worker id -> requests that may run there from this replica, or that run there if these are more.';
