-- Workers whose tasks are submitted and then asked for, and what an upstream takes of a client's values. Adds columns and
-- lets body_format be multipart: the release before may run beside it, and calls such workers as it calls any other, so
-- register them once all replicas run this release.

ALTER TABLE worker
  ADD COLUMN poll json,
  ADD COLUMN choices json,
  DROP CONSTRAINT worker_body_format_known,
  ADD CONSTRAINT worker_body_format_known_2 CHECK (body_format IN ('json', 'form', 'multipart'));
COMMENT ON COLUMN worker.poll IS 'Long work: how a task that a request submits is followed to its result (docs/long-work.md). Credentials of its steps stand in sealed_header and read <sealed> here. NULL: the answer is the result.';
COMMENT ON COLUMN worker.choices IS 'What the upstream takes for a placeholder: a list of values, or an object from the clients'' values to its own.';
COMMENT ON COLUMN worker.body_format IS 'How the body is sent: json, form or multipart.';
