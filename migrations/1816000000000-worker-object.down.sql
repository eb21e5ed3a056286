-- loses worker_object: SELECT count(*) FROM worker_object

DROP TABLE worker_object;
