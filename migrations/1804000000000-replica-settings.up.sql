-- What each replica says of itself: its version, hashes of the settings that must agree, what still runs while it drains, and
-- which workers it cannot call because of its own settings. Adds only, with defaults: the release before may run beside it.

ALTER TABLE replica
  ADD COLUMN version text NOT NULL DEFAULT '',
  ADD COLUMN settings json,
  ADD COLUMN draining json;
COMMENT ON COLUMN replica.version IS 'The version of the service that it runs.';
COMMENT ON COLUMN replica.settings IS 'Hashes of the settings that must be the same on every replica, by name.';
COMMENT ON COLUMN replica.draining IS 'Set once it takes no new requests: how many still run there, by worker. The other replicas use the rest of each max_concurrency.';

CREATE TABLE replica_fault (
  worker_id uuid NOT NULL CONSTRAINT replica_fault_worker REFERENCES worker (id) ON DELETE CASCADE,
  replica_id uuid NOT NULL CONSTRAINT replica_fault_replica REFERENCES replica (id) ON DELETE CASCADE,
  generation integer NOT NULL,
  reason text NOT NULL,
  since timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT replica_fault_pkey PRIMARY KEY (worker_id, replica_id)
);
CREATE INDEX replica_fault_of_replica ON replica_fault (replica_id);
COMMENT ON TABLE replica_fault IS 'Workers that a replica cannot call because of its own address rules, keys or secrets. It leaves their probes to the other replicas. Only a worker that no live replica can call becomes unhealthy.';
COMMENT ON COLUMN replica_fault.worker_id IS 'The worker.';
COMMENT ON COLUMN replica_fault.replica_id IS 'The replica that cannot call it.';
COMMENT ON COLUMN replica_fault.generation IS 'The definition that it cannot call; a row of another generation has no effect.';
COMMENT ON COLUMN replica_fault.reason IS 'Which setting is missing or forbids it.';
COMMENT ON COLUMN replica_fault.since IS 'Since when.';
COMMENT ON COLUMN worker_probe.lease_owner IS 'The replica that is probing it now: replica.id.';
