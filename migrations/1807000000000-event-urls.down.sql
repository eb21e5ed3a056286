-- loses nothing
-- The queries that the .up.sql removed from URLs do not come back.

DROP TRIGGER worker_event_url ON worker_event;
DROP FUNCTION worker_event_url();
