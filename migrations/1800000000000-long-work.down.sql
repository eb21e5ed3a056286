-- loses worker.poll: SELECT count(*) FROM worker WHERE poll IS NOT NULL
-- loses worker.choices: SELECT count(*) FROM worker WHERE choices IS NOT NULL
-- loses worker.body_format: SELECT count(*) FROM worker WHERE body_format = 'multipart'

UPDATE worker SET body_format = 'form', admin_state = 'disabled' WHERE body_format = 'multipart';
ALTER TABLE worker
  DROP CONSTRAINT worker_body_format_known_2,
  ADD CONSTRAINT worker_body_format_known CHECK (body_format IN ('json', 'form')),
  DROP COLUMN poll,
  DROP COLUMN choices;
