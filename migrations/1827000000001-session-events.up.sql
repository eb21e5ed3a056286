-- Ends of sessions come into the history. `ended_at` is the database's clock and rises with every end, so that a session that holds the last one it
-- knows of is compared with one clock alone. A plain INSERT replaces the end before. The release before may run beside it: it
-- compares `ended_at` with the clock of a replica, as it did. Constraints are validated by the next migration, without a lock that stops writes.

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

CREATE OR REPLACE FUNCTION session_end_before() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF event_restoring() THEN
    RETURN NEW;
  END IF;
  -- Until the end of the transaction, so that times rise in the order of commits.
  PERFORM pg_advisory_xact_lock(hashtextextended('session_end', 0));
  -- Replicas read whole milliseconds.
  NEW.ended_at := date_trunc('milliseconds', greatest(clock_timestamp(), (SELECT max(ended_at) FROM session_end) + interval '1 millisecond'));
  NEW.ended_by := event_actor();
  IF TG_OP = 'INSERT' THEN
    DELETE FROM session_end WHERE user_name = NEW.user_name;
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION session_end_record() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM pg_notify('access_changed', TG_TABLE_SCHEMA || ' session');
  IF event_restoring() THEN
    RETURN NULL;
  ELSIF TG_OP <> 'DELETE' THEN
    PERFORM record_event('session', NULL, coalesce(nullif(NEW.user_name, ''), '*'), NULL, 'ended', '', NULL, NULL, NULL, NULL, NULL);
  -- Neither one that an INSERT replaces, nor one that ends no session any more.
  ELSIF pg_trigger_depth() = 1 AND OLD.ended_at >= now() - interval '1 day' THEN
    PERFORM record_event('session', NULL, coalesce(nullif(OLD.user_name, ''), '*'), NULL, 'deleted', '', NULL, NULL, NULL, NULL, NULL);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER session_end_record AFTER INSERT OR UPDATE OR DELETE ON session_end FOR EACH ROW EXECUTE FUNCTION session_end_record();

ALTER TABLE event
  DROP CONSTRAINT event_kind_known_2,
  DROP CONSTRAINT event_subject_known_2,
  ADD CONSTRAINT event_kind_known_3 CHECK (kind IN ('registered', 'created', 'changed', 'deleted', 'restored', 'enabled', 'disabled', 'draining', 'offline',
    'healthy', 'suspect', 'unhealthy', 'warming', 'unknown', 'recovered', 'ejected', 'failing', 'serving', 'revoked', 'rotated', 'ended')) NOT VALID,
  ADD CONSTRAINT event_subject_known_3 CHECK (subject IN ('worker', 'model', 'key', 'team', 'session')) NOT VALID;

COMMENT ON TABLE session_end IS 'Sessions that began before ended_at have ended, on every replica within a second. By hand: INSERT INTO session_end (user_name) VALUES (''ann@example.org''). Kept for a day, as no session lasts longer than 8 hours; the history keeps it longer.';
COMMENT ON COLUMN session_end.ended_at IS 'Sessions that began before this time have ended. Set by the database, later than all others.';
COMMENT ON FUNCTION session_end_before() IS 'Sets ended_at and ended_by. One write at a time, so that ended_at rises in the order of commits.';
COMMENT ON FUNCTION session_end_record() IS 'Writes the history of session_end, with the rights of the owner, and tells replicas.';
COMMENT ON TABLE event IS 'The history of workers, policies of models, keys, teams and ends of sessions, written by triggers, so that it holds changes by hand, too. No foreign key: it outlives what it is about. SELECT undo_event(id) takes a change of a worker or a policy back. Kept for EVENT_RETENTION_DAYS.';
COMMENT ON COLUMN event.subject IS 'What it is about: a worker, the policy of a model, a key, a team, or sessions.';
COMMENT ON COLUMN event.subject_id IS 'worker.id or api_key.id, of what may be deleted; null for all else.';
COMMENT ON COLUMN event.subject_name IS 'The model (of a worker at that time its model_name), the key, the team, or the user of the sessions (*: of all).';
COMMENT ON COLUMN event.kind IS 'What was done: registered (a worker, also one that comes back from offline), created (a policy, a key, a team), changed, deleted, restored (a deletion was undone), revoked, rotated (a key), ended (sessions); or the new admin_state; or the new health (recovered: healthy again); or what requests showed: ejected, failing, serving.';

-- For what follows in the same transaction.
SELECT set_config('search_path', quote_ident(current_schema()), true);
