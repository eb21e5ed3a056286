-- loses event: SELECT count(*) FROM event WHERE subject = 'session'

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

DROP TRIGGER session_end_record ON session_end;
DROP FUNCTION session_end_record();
CREATE OR REPLACE FUNCTION session_end_before() RETURNS trigger LANGUAGE plpgsql SECURITY INVOKER SET search_path FROM CURRENT AS $$
BEGIN
  NEW.ended_by := event_actor();
  PERFORM pg_notify('access_changed', TG_TABLE_SCHEMA || ' session');
  RETURN NEW;
END $$;

DELETE FROM event WHERE subject = 'session';
ALTER TABLE event
  DROP CONSTRAINT event_kind_known_3,
  DROP CONSTRAINT event_subject_known_3,
  ADD CONSTRAINT event_kind_known_2 CHECK (kind IN ('registered', 'created', 'changed', 'deleted', 'restored', 'enabled', 'disabled', 'draining', 'offline',
    'healthy', 'suspect', 'unhealthy', 'warming', 'unknown', 'recovered', 'ejected', 'failing', 'serving', 'revoked', 'rotated')),
  ADD CONSTRAINT event_subject_known_2 CHECK (subject IN ('worker', 'model', 'key', 'team'));

COMMENT ON TABLE session_end IS 'Sessions that began before ended_at have ended, on every replica within a second. By hand: INSERT INTO session_end (user_name) VALUES (''ann@example.org''). Kept for a day: no session lasts longer than 8 hours.';
COMMENT ON COLUMN session_end.ended_at IS 'Sessions that began before this time have ended.';
COMMENT ON FUNCTION session_end_before() IS NULL;
COMMENT ON TABLE event IS 'The history of workers, policies of models, keys and teams, written by triggers, so that it holds changes by hand, too. No foreign key: it outlives what it is about. SELECT undo_event(id) takes a change of a worker or a policy back. Kept for EVENT_RETENTION_DAYS.';
COMMENT ON COLUMN event.subject_id IS 'worker.id or api_key.id, of what may be deleted; null for a policy and a team.';
COMMENT ON COLUMN event.subject_name IS 'The model (of a worker at that time its model_name), the key or the team.';
COMMENT ON COLUMN event.kind IS 'What was done: registered (a worker, also one that comes back from offline), created (a policy, a key, a team), changed, deleted, restored (a deletion was undone), revoked, rotated (a key); or the new admin_state; or the new health (recovered: healthy again); or what requests showed: ejected, failing, serving.';
COMMENT ON COLUMN event.subject IS 'What it is about: a worker, the policy of a model, a key or a team.';

SELECT set_config('search_path', quote_ident(current_schema()), true);
