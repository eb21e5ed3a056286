-- Which worker's server keeps an object that clients name later, such as a response that another one goes on from.
-- The release before may run beside it: it writes no rows, and its follow-ups go to any worker, as before.

CREATE TABLE worker_object (
  id text NOT NULL,
  worker_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT worker_object_pkey PRIMARY KEY (id),
  CONSTRAINT worker_object_id_length CHECK (octet_length(id) BETWEEN 1 AND 256)
);
CREATE INDEX worker_object_created ON worker_object (created_at);
COMMENT ON TABLE worker_object IS 'Objects that the servers of workers keep and clients name later: responses, their items, conversations, containers. Deleted after 30 days, or when there are more than a million.';
COMMENT ON COLUMN worker_object.id IS 'The name of the object, as the server made it.';
COMMENT ON COLUMN worker_object.worker_id IS 'The worker whose server keeps it; no foreign key, so that deleting a worker costs nothing here.';
COMMENT ON COLUMN worker_object.created_at IS 'When this service saw it.';
