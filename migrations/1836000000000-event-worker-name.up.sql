-- An event of a worker holds the name that the worker had at that time, so that the history can show it when the worker is renamed or
-- deleted. Releases before this one may run beside it: their changes are recorded by the same functions, and they do not read the column.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

ALTER TABLE event ADD COLUMN worker_name text;
COMMENT ON COLUMN event.worker_name IS 'The name of the worker at that time, '''' if it had none; NULL: the event is of something else, or was recorded by an earlier release.';

CREATE OR REPLACE FUNCTION record_event(subject text, subject_id uuid, subject_name text, url text, kind text, note text, generation integer, before jsonb, after jsonb, kept_before jsonb, kept_after jsonb)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  -- A new health only follows from what is undone.
  undone bigint := CASE WHEN before ? 'health' IS NOT TRUE THEN nullif(current_setting('mmm.undoes', true), '') END;
  recorded bigint;
BEGIN
  INSERT INTO event (subject, subject_id, subject_name, worker_name, req_url_template, kind, note, generation, actor, via, role, before, after, undoes)
    VALUES (subject, subject_id, subject_name,
      -- A worker that is deleted is no longer there; "before" has its name, unless it has none.
      CASE subject WHEN 'worker' THEN coalesce((SELECT w.name FROM worker w WHERE w.id = record_event.subject_id), before ->> 'name', '') END,
      split_part(event_url(url), '?', 1), kind,
      concat_ws('; ', nullif(note, ''), 'undoes event ' || undone), generation, event_actor(), event_via(), session_user, before, after, undone)
    RETURNING id INTO recorded;
  IF kept_before IS NOT NULL THEN
    INSERT INTO event_undo (event_id, before, after) VALUES (recorded, kept_before, kept_after);
  END IF;
  IF undone IS NOT NULL THEN
    PERFORM set_config('mmm.recorded', recorded::text, true);
  END IF;
END $function$;

CREATE OR REPLACE FUNCTION record_requests(worker_id uuid, kind text, note text, host text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path FROM CURRENT
AS $function$
BEGIN
  IF kind NOT IN ('ejected', 'failing', 'serving') THEN
    RAISE EXCEPTION 'record_requests() records ejected, failing and serving, not %', kind USING ERRCODE = 'insufficient_privilege';
  END IF;
  INSERT INTO event (subject_id, subject_name, worker_name, req_url_template, kind, note, actor, via, role, generation)
    SELECT w.id, w.model_name, w.name, split_part(event_url(w.req_url_template), '?', 1), record_requests.kind, record_requests.note, 'requests on ' || host,
      'service', session_user, w.generation
    FROM worker w WHERE w.id = record_requests.worker_id;
END $function$;
