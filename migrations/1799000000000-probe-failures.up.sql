-- Since when a worker's probes fail, and how many failed without a connection: a refused connection is not a busy worker.
-- Adds only, with defaults: the release before may run beside it. It leaves the columns as they are, and they count only
-- while failures_in_row is above 0.

ALTER TABLE worker_probe
  ADD COLUMN failing_since timestamptz,
  ADD COLUMN unreachable_in_row integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN worker_probe.failing_since IS 'When the first of the failed probes in a row failed; counts only while failures_in_row is above 0.';
COMMENT ON COLUMN worker_probe.unreachable_in_row IS 'Failed probes in a row that were refused, reset or got no connection; at most failures_in_row.';
