-- Events are kept for months, also of deleted workers, and a query may hold a key: events hold URLs without it. Existing rows
-- are changed, too, and do not get their queries back by a revert.

CREATE FUNCTION worker_event_url() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
      BEGIN
        NEW.req_url_template := split_part(NEW.req_url_template, '?', 1);
        RETURN NEW;
      END $$;
COMMENT ON FUNCTION worker_event_url() IS 'Removes the query of the URL, which may hold a key.';
CREATE TRIGGER worker_event_url BEFORE INSERT ON worker_event FOR EACH ROW
  WHEN (position('?' IN NEW.req_url_template) > 0) EXECUTE FUNCTION worker_event_url();
UPDATE worker_event SET req_url_template = split_part(req_url_template, '?', 1) WHERE position('?' IN req_url_template) > 0;
COMMENT ON COLUMN worker_event.req_url_template IS 'Its URL at that time, without the query.';
