-- Workers that sleep while nobody uses them, and are woken by requests. Adds columns, a table and a view. The release before may run beside it: it knows
-- no sleep, treats such a worker as any other and calls it unhealthy while it refuses connections. Set worker.sleep once all replicas run this
-- release. The constraint of event.kind is validated by the next migration, without a lock that stops writes.

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

ALTER TABLE worker
  ADD COLUMN wake json,
  ADD COLUMN sleep json,
  ADD COLUMN asleep_when json,
  ADD CONSTRAINT worker_sleep_needs_wake CHECK (wake IS NOT NULL OR sleep IS NULL AND asleep_when IS NULL);
COMMENT ON COLUMN worker.wake IS 'How the worker is woken: requests, and what shows that it is ready. Credentials of the requests stand in sealed_header and read <sealed> here. NULL: it never sleeps.';
COMMENT ON COLUMN worker.sleep IS 'How the worker is sent to sleep, and after how many seconds without a request. NULL: this service does not.';
COMMENT ON COLUMN worker.asleep_when IS 'A request whose answer shows that the worker is asleep, though it accepts connections. NULL: it is asleep when it refuses them.';

ALTER TABLE model
  ADD COLUMN hold_s integer,
  ADD CONSTRAINT model_hold_range CHECK (hold_s BETWEEN 0 AND 3600);
COMMENT ON COLUMN model.hold_s IS 'Seconds that a request waits for a worker that is being woken. NULL: SCHEDULING_HOLD_S.';

CREATE TABLE worker_power (
  worker_id uuid NOT NULL,
  state text NOT NULL DEFAULT 'awake',
  since timestamptz NOT NULL DEFAULT now(),
  reason text NOT NULL DEFAULT '',
  lease_owner text,
  lease_until timestamptz,
  next_wake_at timestamptz NOT NULL DEFAULT now(),
  failures integer NOT NULL DEFAULT 0,
  usual_wake_ms integer,
  last_used_at timestamptz NOT NULL DEFAULT now(),
  next_look_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT worker_power_pkey PRIMARY KEY (worker_id),
  CONSTRAINT worker_power_worker FOREIGN KEY (worker_id) REFERENCES worker (id) ON DELETE CASCADE,
  CONSTRAINT worker_power_state_known CHECK (state IN ('awake', 'asleep', 'waking')),
  CONSTRAINT worker_power_lease_whole CHECK ((lease_owner IS NULL) = (lease_until IS NULL)),
  CONSTRAINT worker_power_failures CHECK (failures >= 0),
  CONSTRAINT worker_power_usual_wake CHECK (usual_wake_ms BETWEEN 1 AND 3600000)
) WITH (fillfactor = 70);
COMMENT ON TABLE worker_power IS 'Whether workers with wake are awake. A row is made with worker.wake. State may be set by hand: UPDATE worker_power SET state = ''waking'' WHERE worker_id = ... wakes a worker.';
COMMENT ON COLUMN worker_power.worker_id IS 'worker.id.';
COMMENT ON COLUMN worker_power.state IS 'awake, asleep or waking. Requests go to a worker that is awake only. Set by hand to waking, it is woken; to asleep or awake, it counts as that until the next evidence.';
COMMENT ON COLUMN worker_power.since IS 'When the state last changed.';
COMMENT ON COLUMN worker_power.reason IS 'Why it is in this state: what was seen, or why the last waking failed.';
COMMENT ON COLUMN worker_power.lease_owner IS 'The replica (replica.id) that wakes it, or sends it to sleep.';
COMMENT ON COLUMN worker_power.lease_until IS 'When the lease ends unless it is renewed. Another replica takes over then.';
COMMENT ON COLUMN worker_power.next_wake_at IS 'After a waking that failed: not woken again before.';
COMMENT ON COLUMN worker_power.failures IS 'Wakings that failed in a row.';
COMMENT ON COLUMN worker_power.usual_wake_ms IS 'How long a waking usually takes: a moving average, which may be set by hand. NULL: none has succeeded yet, and 30 s are assumed.';
COMMENT ON COLUMN worker_power.last_used_at IS 'When it last became awake. Requests are not written here in this release.';
COMMENT ON COLUMN worker_power.next_look_at IS 'Not used in this release: asleep_when has no effect.';

ALTER TABLE event DROP CONSTRAINT event_kind_known_3,
  ADD CONSTRAINT event_kind_known_4 CHECK (kind IN ('registered', 'created', 'changed', 'deleted', 'restored', 'enabled', 'disabled', 'draining', 'offline',
    'healthy', 'suspect', 'unhealthy', 'warming', 'unknown', 'recovered', 'ejected', 'failing', 'serving', 'revoked', 'rotated', 'ended',
    'awake', 'asleep', 'waking', 'wake_failed')) NOT VALID;
COMMENT ON COLUMN event.kind IS 'What was done: registered (a worker, also one that comes back from offline), created (a policy, a key, a team), changed, deleted, restored (a deletion was undone), revoked, rotated (a key), ended (sessions); or the new admin_state; or the new health (recovered: healthy again); or what requests showed: ejected, failing, serving; or the new state of worker_power: awake, asleep, waking, wake_failed.';

CREATE FUNCTION worker_power_follow() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF NEW.wake IS NULL THEN
    DELETE FROM worker_power WHERE worker_id = NEW.id;
  ELSE
    -- What was seen of another definition says nothing about this one.
    INSERT INTO worker_power (worker_id) VALUES (NEW.id) ON CONFLICT (worker_id) DO UPDATE
      SET state = 'awake', reason = '', failures = 0, next_wake_at = now(), next_look_at = now();
  END IF;
  RETURN NULL;
END $$;
COMMENT ON FUNCTION worker_power_follow() IS 'Each worker with wake has a row in worker_power.';
CREATE TRIGGER worker_power_follow_insert AFTER INSERT ON worker FOR EACH ROW WHEN (NEW.wake IS NOT NULL)
  EXECUTE FUNCTION worker_power_follow();
CREATE TRIGGER worker_power_follow_update AFTER UPDATE ON worker FOR EACH ROW
  WHEN (OLD.wake::text IS DISTINCT FROM NEW.wake::text OR OLD.asleep_when::text IS DISTINCT FROM NEW.asleep_when::text
    OR NEW.wake IS NOT NULL AND OLD.req_url_template <> NEW.req_url_template)
  EXECUTE FUNCTION worker_power_follow();

CREATE FUNCTION worker_power_before() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF NEW.state <> OLD.state THEN
    NEW.since := now();
    IF NEW.state = 'awake' THEN
      NEW.failures := 0;
      NEW.next_wake_at := now();
      NEW.last_used_at := now();
      NEW.lease_owner := NULL;
      NEW.lease_until := NULL;
    END IF;
  END IF;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION worker_power_before() IS 'Keeps since, and forgets failed wakings of a worker that is awake.';
CREATE TRIGGER worker_power_before BEFORE UPDATE ON worker_power FOR EACH ROW EXECUTE FUNCTION worker_power_before();

CREATE FUNCTION worker_power_record() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM pg_notify('worker_changed', TG_TABLE_SCHEMA || ' ' || NEW.worker_id);
  IF NEW.state <> OLD.state AND NOT event_restoring() THEN
    PERFORM record_event('worker', w.id, w.model_name, w.req_url_template, CASE WHEN NEW.failures > OLD.failures THEN 'wake_failed' ELSE NEW.state END,
      NEW.reason, w.generation, jsonb_build_object('power', OLD.state), jsonb_build_object('power', NEW.state), NULL, NULL)
    FROM worker w WHERE w.id = NEW.worker_id;
  END IF;
  RETURN NULL;
END $$;
COMMENT ON FUNCTION worker_power_record() IS 'Announces a change of a worker''s power, and writes it into the history.';
CREATE TRIGGER worker_power_record AFTER UPDATE ON worker_power FOR EACH ROW
  WHEN (OLD.state <> NEW.state OR OLD.failures <> NEW.failures OR OLD.usual_wake_ms IS DISTINCT FROM NEW.usual_wake_ms)
  EXECUTE FUNCTION worker_power_record();

CREATE FUNCTION worker_power_restored() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  DELETE FROM worker_power WHERE worker_id = NEW.worker_id;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION worker_power_restored() IS 'While a data-only restore runs (mmm.restoring), its row replaces the one that a trigger made for the worker.';
CREATE TRIGGER worker_power_restored BEFORE INSERT ON worker_power FOR EACH ROW
  WHEN (pg_trigger_depth() = 0 AND current_setting('mmm.restoring', true) = 'on') EXECUTE FUNCTION worker_power_restored();

CREATE VIEW power_overview AS
SELECT w.model_name, w.name, w.req_url_template, p.state, p.since, date_trunc('second', now() - p.since) AS state_for, p.reason,
  CASE WHEN p.lease_until > now() THEN (SELECT r.host FROM replica r WHERE r.id::text = p.lease_owner) END AS leased_by,
  CASE WHEN p.state = 'asleep' AND p.next_wake_at > now() THEN p.next_wake_at END AS not_woken_before,
  p.failures, make_interval(secs => p.usual_wake_ms / 1000.0) AS usual_wake, date_trunc('second', now() - p.last_used_at) AS unused_for, p.worker_id
FROM worker_power p JOIN worker w ON w.id = p.worker_id
ORDER BY w.model_name, w.created_at, w.id;
COMMENT ON VIEW power_overview IS 'Workers that can sleep, and whether they do: SELECT * FROM power_overview;';
COMMENT ON COLUMN power_overview.model_name IS 'Its model.';
COMMENT ON COLUMN power_overview.name IS 'Its name; empty: it has none.';
COMMENT ON COLUMN power_overview.req_url_template IS 'Where it is called.';
COMMENT ON COLUMN power_overview.state IS 'awake, asleep or waking.';
COMMENT ON COLUMN power_overview.since IS 'When the state last changed.';
COMMENT ON COLUMN power_overview.state_for IS 'For how long.';
COMMENT ON COLUMN power_overview.reason IS 'Why it is in this state, or why the last waking failed.';
COMMENT ON COLUMN power_overview.leased_by IS 'The host of the replica that wakes it, or sends it to sleep; null: none does.';
COMMENT ON COLUMN power_overview.not_woken_before IS 'After a waking that failed: not woken again before.';
COMMENT ON COLUMN power_overview.failures IS 'Wakings that failed in a row.';
COMMENT ON COLUMN power_overview.usual_wake IS 'How long a waking usually takes; null: not known yet.';
COMMENT ON COLUMN power_overview.unused_for IS 'Since it last became awake. Requests do not count in this release.';
COMMENT ON COLUMN power_overview.worker_id IS 'worker.id.';

CREATE OR REPLACE FUNCTION event_keeps(name text, value text, shown jsonb) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  parsed jsonb;
BEGIN
  -- What is not shown has its default.
  IF value IS NULL OR shown IS NULL OR name = 'sealed_header' THEN
    RETURN true;
  ELSIF name = 'req_url_template' THEN
    RETURN event_query(value) = value;
  ELSIF name NOT IN ('header', 'body', 'req_param', 'poll', 'health_check', 'wake', 'sleep', 'asleep_when') THEN
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
  ELSIF name NOT IN ('body', 'req_param', 'poll', 'health_check', 'wake', 'sleep', 'asleep_when') THEN
    RETURN value;
  END IF;
  IF name = 'req_param' THEN
    masked := regexp_replace(masked, event_member(event_credentials() || '|key|sig|signature|token'), '\1"<sealed>"', 'gi');
  ELSIF translate(masked, '_-', '') ~* ('"(?:' || event_credentials() || ')": "') THEN
    masked := regexp_replace(masked, event_member(event_credentials()), '\1"<sealed>"', 'gi');
  END IF;
  value := event_query(masked)::jsonb;
  IF name IN ('poll', 'wake', 'sleep') AND position('"header": {' IN masked) > 0 THEN
    FOREACH step IN ARRAY '{status, result/request, cancel, cancel/0, cancel/1, cancel/2, cancel/3, cancel/4, request, request/0, request/1, request/2, request/3, request/4}'::text[] LOOP
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
  FOREACH name IN ARRAY '{req_url_template, header, body, req_param, poll, health_check, wake, sleep, asleep_when}'::text[] LOOP
    IF NOT event_keeps(name, result ->> name, shown -> name) THEN
      result := result - name;
    END IF;
  END LOOP;
  RETURN result;
END $$;

SELECT write_worker_changes(), write_row_checks();
