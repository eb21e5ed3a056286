DROP TRIGGER worker_event_url ON worker_event;
DROP FUNCTION worker_event_url();
