-- loses worker.any_task: SELECT count(*) FROM worker WHERE any_task

ALTER TABLE worker DROP COLUMN any_task;
