-- loses nothing
-- The columns count only while probes fail, and the next probe writes them again.

ALTER TABLE worker_probe DROP COLUMN failing_since, DROP COLUMN unreachable_in_row;
