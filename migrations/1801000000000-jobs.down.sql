DROP VIEW job_overview;
DROP TABLE job_worker;
DROP TABLE job_file;
DROP TABLE job_event;
DROP TABLE job;
DROP FUNCTION job_before();
DROP FUNCTION job_follow();
