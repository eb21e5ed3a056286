ALTER TABLE worker_probe DROP COLUMN failing_since, DROP COLUMN unreachable_in_row;
