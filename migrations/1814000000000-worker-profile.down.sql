-- loses worker.profile: SELECT count(*) FROM worker WHERE profile IS NOT NULL

ALTER TABLE worker DROP COLUMN profile;
SELECT write_worker_changes();
