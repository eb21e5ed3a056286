-- loses nothing
-- Running replicas write replica_fault and the columns of replica again.

DROP TABLE replica_fault;
ALTER TABLE replica DROP COLUMN version, DROP COLUMN settings, DROP COLUMN draining;
