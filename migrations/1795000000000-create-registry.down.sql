-- loses worker: SELECT count(*) FROM worker
-- loses worker_probe: SELECT count(*) FROM worker_probe
-- loses worker_event: SELECT count(*) FROM worker_event

DROP VIEW worker_overview;
DROP TABLE worker_probe;
DROP TABLE worker;
DROP TABLE worker_event;
DROP FUNCTION worker_follow();
DROP FUNCTION worker_record();
DROP FUNCTION worker_before_update();
