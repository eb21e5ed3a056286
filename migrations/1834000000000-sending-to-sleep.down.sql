-- loses worker_power.sleep_failures: SELECT count(*) FROM worker_power WHERE sleep_failures > 0

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

DROP TRIGGER worker_power_record ON worker_power;
CREATE TRIGGER worker_power_record AFTER UPDATE ON worker_power FOR EACH ROW
  WHEN (OLD.state <> NEW.state OR OLD.failures <> NEW.failures OR OLD.usual_wake_ms IS DISTINCT FROM NEW.usual_wake_ms)
  EXECUTE FUNCTION worker_power_record();

CREATE OR REPLACE FUNCTION worker_power_before() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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

CREATE OR REPLACE FUNCTION worker_power_follow() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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

ALTER TABLE worker_power DROP COLUMN sleep_failures;
ALTER TABLE worker_power RENAME COLUMN next_sleep_at TO next_look_at;
COMMENT ON COLUMN worker_power.reason IS 'Why it is in this state: what was seen, or why the last waking failed.';
COMMENT ON COLUMN worker_power.next_wake_at IS 'After a waking that failed: not woken again before.';
COMMENT ON COLUMN worker_power.last_used_at IS 'When it last became awake. Requests are not written here in this release.';
COMMENT ON COLUMN worker_power.next_look_at IS 'Not used in this release: asleep_when has no effect.';
COMMENT ON COLUMN power_overview.not_woken_before IS 'After a waking that failed: not woken again before.';
COMMENT ON COLUMN power_overview.unused_for IS 'Since it last became awake. Requests do not count in this release.';
