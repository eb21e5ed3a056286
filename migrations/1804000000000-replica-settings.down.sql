DROP TABLE replica_fault;
ALTER TABLE replica DROP COLUMN version, DROP COLUMN settings, DROP COLUMN draining;
