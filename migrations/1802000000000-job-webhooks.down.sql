DROP TRIGGER job_report_end ON job;
DROP FUNCTION job_report_end();
DROP TABLE job_webhook;
DROP TABLE signing_key;
