-- loses api_key: SELECT count(*) FROM api_key
-- loses team: SELECT count(*) FROM team
-- loses worker.registered_by_key: SELECT count(*) FROM worker WHERE registered_by_key IS NOT NULL OR registered_by_team IS NOT NULL
-- loses event: SELECT count(*) FROM event WHERE subject IN ('key', 'team')

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

DROP TABLE api_key_use;
DROP TABLE api_key;
DROP TABLE team;
DROP FUNCTION access_before();
DROP FUNCTION access_record();
DROP FUNCTION access_shown(jsonb);
ALTER TABLE worker DROP COLUMN registered_by_key, DROP COLUMN registered_by_team;
SELECT write_worker_changes();

DELETE FROM event WHERE subject IN ('key', 'team');
ALTER TABLE event
  DROP CONSTRAINT event_kind_known_2,
  DROP CONSTRAINT event_subject_known_2,
  DROP CONSTRAINT event_subject_id_2,
  ADD CONSTRAINT event_kind_known CHECK (kind IN ('registered', 'created', 'changed', 'deleted', 'restored', 'enabled', 'disabled', 'draining', 'offline',
    'healthy', 'suspect', 'unhealthy', 'warming', 'unknown', 'recovered', 'ejected', 'failing', 'serving')),
  ADD CONSTRAINT event_subject_known CHECK (subject IN ('worker', 'model')),
  ADD CONSTRAINT event_subject_id CHECK ((subject = 'worker') = (subject_id IS NOT NULL));

CREATE OR REPLACE FUNCTION undo_event(event_id bigint, force boolean DEFAULT false) RETURNS bigint LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  e event;
  kept event_undo;
  what text;
  target text;
  found_generation integer;
  name text;
  value text;
  is_exact boolean;
  columns text[] := '{}';
  literals text[] := '{}';
  lost text[] := '{}';
  differing text[] := '{}';
  statement text;
BEGIN
  SELECT * INTO e FROM event WHERE id = undo_event.event_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no event %', undo_event.event_id USING ERRCODE = 'no_data_found';
  ELSIF e.kind IN ('healthy', 'suspect', 'unhealthy', 'warming', 'unknown', 'recovered', 'ejected', 'failing', 'serving') THEN
    RAISE EXCEPTION 'event % (%) cannot be undone: it says what probes or requests showed, and only changes of a definition, of admin_state or of a policy can be undone', e.id, e.kind;
  ELSIF e.before IS NULL AND e.after IS NULL THEN
    RAISE EXCEPTION 'event % (%) cannot be undone: it holds no values', e.id, e.kind
      USING HINT = 'Events of releases before this one hold none; nor do those that changed nothing.';
  END IF;
  SELECT * INTO kept FROM event_undo u WHERE u.event_id = e.id;
  what := CASE e.subject WHEN 'worker' THEN 'worker ' || e.subject_id ELSE 'the policy of model ' || e.subject_name END;
  target := CASE e.subject WHEN 'worker' THEN format('id = %L', e.subject_id) ELSE format('name = %L', e.subject_name) END;
  EXECUTE format('SELECT generation FROM %I WHERE %s FOR UPDATE', e.subject, target) INTO found_generation;

  IF found_generation IS NULL AND e.after IS NOT NULL THEN
    RAISE EXCEPTION 'event % (%) cannot be undone: % is deleted', e.id, e.kind, what
      USING HINT = 'Undo its deletion first.';
  ELSIF found_generation IS NOT NULL AND e.after IS NULL THEN
    RAISE EXCEPTION 'event % (%) cannot be undone: % exists', e.id, e.kind, what;
  END IF;

  IF e.before IS NULL THEN
    IF found_generation <> e.generation AND NOT force THEN
      RAISE EXCEPTION 'event % (%) cannot be undone: % was changed since', e.id, e.kind, what
      USING HINT = 'With force, it is deleted as it is now.';
    END IF;
    statement := format('DELETE FROM %I WHERE %s', e.subject, target);
  ELSE
    FOR name IN
      SELECT each FROM jsonb_object_keys(e.before || CASE WHEN e.after IS NULL THEN kept.before ELSE '{}' END) AS each
      JOIN pg_attribute ON attrelid = e.subject::regclass AND attname = each AND NOT attisdropped
    LOOP
      is_exact := CASE e.subject WHEN 'worker' THEN worker_exact(name) ELSE model_exact(name) END;
      IF NOT is_exact AND kept.before ? name IS NOT TRUE THEN
        lost := lost || name;
        CONTINUE;
      END IF;
      columns := columns || quote_ident(name);
      literals := literals || quote_nullable(CASE WHEN kept.before ? name THEN kept.before ->> name ELSE e.before ->> name END);
      IF e.after IS NOT NULL AND (is_exact OR kept.after ? name) THEN
        EXECUTE format('SELECT %I(this, %L) FROM %I this WHERE %s', e.subject || '_text', name, e.subject, target) INTO value;
        IF value IS DISTINCT FROM (CASE WHEN is_exact THEN e.after ->> name ELSE kept.after ->> name END) THEN
          differing := differing || name;
        END IF;
      END IF;
    END LOOP;
    IF cardinality(lost) > 0 THEN
      RAISE EXCEPTION 'event % (%) cannot be undone: % held a credential in clear text, which the history does not keep; set it by hand',
        e.id, e.kind, array_to_string(lost, ', ');
    ELSIF cardinality(differing) > 0 AND NOT force THEN
      RAISE EXCEPTION 'event % (%) cannot be undone: % of % was changed since', e.id, e.kind, array_to_string(differing, ', '), what
      USING HINT = 'Undo the later changes first. With force, they are overwritten.';
    END IF;
    statement := CASE WHEN e.after IS NULL
      THEN format('INSERT INTO %I (%s, %s, generation) VALUES (%s, %L, %s)', e.subject, array_to_string(columns, ', '),
        CASE e.subject WHEN 'worker' THEN 'id' ELSE 'name' END, array_to_string(literals, ', '),
        coalesce(e.subject_id::text, e.subject_name), e.generation + 1)
      ELSE format('UPDATE %I SET (%s) = ROW(%s) WHERE %s', e.subject, array_to_string(columns, ', '), array_to_string(literals, ', '), target) END;
  END IF;

  PERFORM set_config('mmm.undoes', e.id::text, true), set_config('mmm.recorded', '', true);
  BEGIN
    EXECUTE statement;
  EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION 'event % (%) cannot be undone: another worker has the model, URL and name that % had', e.id, e.kind, what
      USING ERRCODE = 'unique_violation';
  END;
  PERFORM set_config('mmm.undoes', '', true);
  IF e.subject = 'model' AND e.before ? 'fallbacks' AND model_has_cycle(e.subject_name) THEN
    RAISE EXCEPTION 'event % (%) cannot be undone: the fallbacks of model % would form a cycle', e.id, e.kind, e.subject_name
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN nullif(current_setting('mmm.recorded', true), '');
END $$;

COMMENT ON TABLE event IS 'The history of workers and of policies of models, written by triggers, so that it holds changes by hand, too. No foreign key: it outlives what it is about. SELECT undo_event(id) takes a change back. Kept for EVENT_RETENTION_DAYS.';
COMMENT ON COLUMN event.subject IS 'What it is about: a worker, or the policy of a model.';
COMMENT ON COLUMN event.subject_id IS 'worker.id, of a worker that may be deleted; null for a policy.';
COMMENT ON COLUMN event.subject_name IS 'The model: of a worker at that time its model_name.';
COMMENT ON COLUMN event.req_url_template IS 'The URL of the worker at that time, without the query; null for a policy.';
COMMENT ON COLUMN event.kind IS 'What was done: registered (a worker, also one that comes back from offline), created (a policy), changed, deleted, restored (a deletion was undone); or the new admin_state; or the new health (recovered: healthy again); or what requests showed: ejected, failing, serving.';
COMMENT ON COLUMN event.actor IS 'The author: api; what the service did by itself, such as health, retention, drained; psql:<role>, or psql:<role>/<actor> where mmm.actor is set.';

SELECT set_config('search_path', quote_ident(current_schema()), true);
