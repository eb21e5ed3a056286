-- loses job_webhook: SELECT count(*) FROM job_webhook
-- A new key is made, but links signed with a lost one are refused.
-- loses signing_key: SELECT count(*) FROM signing_key

DROP TRIGGER job_report_end ON job;
DROP FUNCTION job_report_end();
DROP TABLE job_webhook;
DROP TABLE signing_key;
