-- The service sends workers to sleep. Changes two columns of worker_power that no release has used, its comments and its triggers. The release before may
-- run beside it: it reports nothing of workers that are being sent to sleep, so that all of them stay awake until it is gone.

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

ALTER TABLE worker_power RENAME COLUMN next_look_at TO next_sleep_at;
ALTER TABLE worker_power
  ADD COLUMN sleep_failures integer NOT NULL DEFAULT 0,
  ADD CONSTRAINT worker_power_sleep_failures CHECK (sleep_failures >= 0);
COMMENT ON COLUMN worker_power.reason IS 'Why it is in this state: what was seen, or why it could not be woken or sent to sleep.';
COMMENT ON COLUMN worker_power.next_wake_at IS 'Not woken before: a waking failed, or the requests that send it to sleep are on their way.';
COMMENT ON COLUMN worker_power.last_used_at IS 'Of a worker with sleep: when a request last ran there or waited for it, on any replica, to within 6 s; or when it became awake.';
COMMENT ON COLUMN worker_power.next_sleep_at IS 'Not sent to sleep before: an attempt failed.';
COMMENT ON COLUMN worker_power.sleep_failures IS 'Attempts to send it to sleep that failed in a row.';
COMMENT ON COLUMN power_overview.not_woken_before IS 'Not woken before: a waking failed, or the requests that send it to sleep are on their way.';
COMMENT ON COLUMN power_overview.unused_for IS 'Of a worker with sleep: since the last request on any replica, to within 6 s. Of any other: since it became awake.';

CREATE OR REPLACE FUNCTION worker_power_follow() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF NEW.wake IS NULL THEN
    DELETE FROM worker_power WHERE worker_id = NEW.id;
  ELSE
    -- What was seen of another definition says nothing about this one.
    INSERT INTO worker_power (worker_id) VALUES (NEW.id) ON CONFLICT (worker_id) DO UPDATE
      SET state = 'awake', reason = '', failures = 0, next_wake_at = now(), sleep_failures = 0, next_sleep_at = now();
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION worker_power_before() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF NEW.state <> OLD.state THEN
    NEW.since := now();
    IF NEW.state = 'awake' THEN
      NEW.failures := 0;
      NEW.next_wake_at := now();
      NEW.lease_owner := NULL;
      NEW.lease_until := NULL;
      -- One that could not be sent to sleep was not used.
      IF NEW.sleep_failures = OLD.sleep_failures THEN
        NEW.last_used_at := now();
      END IF;
    END IF;
  END IF;
  RETURN NEW;
END $$;

-- All replicas hear that a worker is being sent to sleep, and that it is not any more.
DROP TRIGGER worker_power_record ON worker_power;
CREATE TRIGGER worker_power_record AFTER UPDATE ON worker_power FOR EACH ROW
  WHEN (OLD.state <> NEW.state OR OLD.failures <> NEW.failures OR OLD.usual_wake_ms IS DISTINCT FROM NEW.usual_wake_ms
    OR NEW.state = 'asleep' AND (OLD.lease_owner IS NULL) <> (NEW.lease_owner IS NULL))
  EXECUTE FUNCTION worker_power_record();
