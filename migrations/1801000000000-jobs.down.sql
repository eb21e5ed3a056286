-- loses job: SELECT count(*) FROM job
-- loses job_event: SELECT count(*) FROM job_event
-- loses job_file: SELECT count(*) FROM job_file
-- Not counted, because jobs show it again: job_worker.

DROP VIEW job_overview;
DROP TABLE job_worker;
DROP TABLE job_file;
DROP TABLE job_event;
DROP TABLE job;
DROP FUNCTION job_before();
DROP FUNCTION job_follow();
