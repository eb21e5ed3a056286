-- Sessions of browsers that an admin ends before their time. Adds a table. The release before may run beside it: there, sessions go on.

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

CREATE TABLE session_end (
  user_name text NOT NULL DEFAULT '',
  ended_at timestamptz NOT NULL DEFAULT now(),
  ended_by text NOT NULL DEFAULT '',
  CONSTRAINT session_end_pkey PRIMARY KEY (user_name)
);

CREATE FUNCTION session_end_before() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  NEW.ended_by := event_actor();
  PERFORM pg_notify('access_changed', TG_TABLE_SCHEMA || ' session');
  RETURN NEW;
END $$;
CREATE TRIGGER session_end_before BEFORE INSERT OR UPDATE ON session_end FOR EACH ROW EXECUTE FUNCTION session_end_before();

COMMENT ON TABLE session_end IS 'Sessions that began before ended_at have ended, on every replica within a second. By hand: INSERT INTO session_end (user_name) VALUES (''ann@example.org''). Kept for a day: no session lasts longer than 8 hours.';
COMMENT ON COLUMN session_end.user_name IS 'The user as the history names it, or as its provider does, or the name of a key; empty: all sessions.';
COMMENT ON COLUMN session_end.ended_at IS 'Sessions that began before this time have ended.';
COMMENT ON COLUMN session_end.ended_by IS 'Who ended them, as in event.actor.';

-- For what follows in the same transaction.
SELECT set_config('search_path', quote_ident(current_schema()), true);
