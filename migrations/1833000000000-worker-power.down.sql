-- loses worker.wake: SELECT count(*) FROM worker WHERE wake IS NOT NULL
-- loses worker.sleep: SELECT count(*) FROM worker WHERE sleep IS NOT NULL
-- loses worker.asleep_when: SELECT count(*) FROM worker WHERE asleep_when IS NOT NULL
-- loses worker_power: SELECT count(*) FROM worker_power
-- loses model.hold_s: SELECT count(*) FROM model WHERE hold_s IS NOT NULL
-- loses event: SELECT count(*) FROM event WHERE kind IN ('awake', 'asleep', 'waking', 'wake_failed')

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

DROP VIEW power_overview;
DROP TRIGGER worker_power_follow_insert ON worker;
DROP TRIGGER worker_power_follow_update ON worker;
DROP TABLE worker_power;
DROP FUNCTION worker_power_follow();
DROP FUNCTION worker_power_before();
DROP FUNCTION worker_power_record();
DROP FUNCTION worker_power_restored();

DELETE FROM event WHERE kind IN ('awake', 'asleep', 'waking', 'wake_failed');
ALTER TABLE event DROP CONSTRAINT event_kind_known_4,
  ADD CONSTRAINT event_kind_known_3 CHECK (kind IN ('registered', 'created', 'changed', 'deleted', 'restored', 'enabled', 'disabled', 'draining', 'offline',
    'healthy', 'suspect', 'unhealthy', 'warming', 'unknown', 'recovered', 'ejected', 'failing', 'serving', 'revoked', 'rotated', 'ended'));
COMMENT ON COLUMN event.kind IS 'What was done: registered (a worker, also one that comes back from offline), created (a policy, a key, a team), changed, deleted, restored (a deletion was undone), revoked, rotated (a key), ended (sessions); or the new admin_state; or the new health (recovered: healthy again); or what requests showed: ejected, failing, serving.';

ALTER TABLE model DROP COLUMN hold_s;
ALTER TABLE worker DROP COLUMN wake, DROP COLUMN sleep, DROP COLUMN asleep_when;

CREATE OR REPLACE FUNCTION event_keeps(name text, value text, shown jsonb) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  parsed jsonb;
BEGIN
  -- What is not shown has its default.
  IF value IS NULL OR shown IS NULL OR name = 'sealed_header' THEN
    RETURN true;
  ELSIF name = 'req_url_template' THEN
    RETURN event_query(value) = value;
  ELSIF name NOT IN ('header', 'body', 'req_param', 'poll', 'health_check') THEN
    RETURN true;
  END IF;
  parsed := event_json(value::json);
  RETURN parsed <> '"<cannot be shown>"' AND parsed = shown;
END $$;

CREATE OR REPLACE FUNCTION event_masked(value jsonb, name text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  masked text := value::text;
  step text;
  path text[];
BEGIN
  IF name = 'header' THEN
    RETURN event_headers(value);
  ELSIF name NOT IN ('body', 'req_param', 'poll', 'health_check') THEN
    RETURN value;
  END IF;
  IF name = 'req_param' THEN
    masked := regexp_replace(masked, event_member(event_credentials() || '|key|sig|signature|token'), '\1"<sealed>"', 'gi');
  ELSIF translate(masked, '_-', '') ~* ('"(?:' || event_credentials() || ')": "') THEN
    masked := regexp_replace(masked, event_member(event_credentials()), '\1"<sealed>"', 'gi');
  END IF;
  value := event_query(masked)::jsonb;
  IF name = 'poll' AND position('"header": {' IN masked) > 0 THEN
    FOREACH step IN ARRAY '{status, result/request, cancel, cancel/0, cancel/1, cancel/2, cancel/3, cancel/4}'::text[] LOOP
      path := string_to_array(step || '/header', '/');
      IF jsonb_typeof(value #> path) = 'object' THEN
        value := jsonb_set(value, path, event_headers(value #> path));
      END IF;
    END LOOP;
  END IF;
  RETURN value;
END $$;

CREATE OR REPLACE FUNCTION worker_kept_whole(this worker, shown jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
  result jsonb := worker_row(this);
  name text;
BEGIN
  FOREACH name IN ARRAY '{req_url_template, header, body, req_param, poll, health_check}'::text[] LOOP
    IF NOT event_keeps(name, result ->> name, shown -> name) THEN
      result := result - name;
    END IF;
  END LOOP;
  RETURN result;
END $$;

SELECT write_worker_changes(), write_row_checks();
