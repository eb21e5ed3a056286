ALTER TABLE worker DROP COLUMN any_task;
