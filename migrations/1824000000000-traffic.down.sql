-- loses replica_minute: SELECT count(*) FROM replica_minute
-- loses worker_traffic: SELECT count(*) FROM worker_traffic

DROP TABLE worker_traffic;
DROP TABLE replica_minute;
ALTER TABLE replica DROP COLUMN load;
