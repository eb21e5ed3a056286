-- loses model: SELECT count(*) FROM model
-- loses worker.heartbeat_ttl_s: SELECT count(*) FROM worker WHERE heartbeat_ttl_s IS NOT NULL
-- Not counted, because running replicas write it again: replica, worker_slot, worker_slot_wish, and the last times in worker_probe.

DROP VIEW worker_overview;
DROP FUNCTION worker_before_update() CASCADE;
DROP FUNCTION worker_record() CASCADE;
DROP FUNCTION worker_follow() CASCADE;
DROP FUNCTION worker_changes(worker, worker);
DROP TABLE worker_slot_wish;
DROP TABLE worker_slot;
DROP TABLE replica;
DROP TABLE model;
DROP FUNCTION model_follow();
ALTER TABLE worker_probe DROP COLUMN heartbeat_at, DROP COLUMN last_good_at, DROP COLUMN last_served_at;
ALTER TABLE worker DROP COLUMN heartbeat_ttl_s;

CREATE FUNCTION worker_before_update() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  defined boolean := (NEW.model_name, NEW.name, NEW.req_url_template, NEW.owner, NEW.protocol, NEW.task, NEW.worker_type,
      NEW.req_type, NEW.body::text, NEW.body_format, NEW.req_param::text, NEW.header::text, NEW.sealed_header,
      NEW.response_extract, NEW.success_when::text, NEW.is_stream, NEW.defaults::text, NEW.weight, NEW.priority,
      NEW.max_concurrency, NEW.labels::text, NEW.connect_ms, NEW.first_byte_ms, NEW.idle_ms, NEW.total_ms,
      NEW.on_disconnect, NEW.health_check::text)
    IS DISTINCT FROM (OLD.model_name, OLD.name, OLD.req_url_template, OLD.owner, OLD.protocol, OLD.task, OLD.worker_type,
      OLD.req_type, OLD.body::text, OLD.body_format, OLD.req_param::text, OLD.header::text, OLD.sealed_header,
      OLD.response_extract, OLD.success_when::text, OLD.is_stream, OLD.defaults::text, OLD.weight, OLD.priority,
      OLD.max_concurrency, OLD.labels::text, OLD.connect_ms, OLD.first_byte_ms, OLD.idle_ms, OLD.total_ms,
      OLD.on_disconnect, OLD.health_check::text);
  back_online boolean := OLD.admin_state = 'offline' AND NEW.admin_state = 'enabled';
BEGIN
  NEW.generation := OLD.generation + (defined OR back_online)::int;
  IF NEW.admin_state <> OLD.admin_state THEN
    NEW.admin_state_since := now();
    NEW.admin_state_by := coalesce(nullif(current_setting('mmm.actor', true), ''), session_user);
  END IF;
  -- Evidence about another way of calling it says nothing about this one.
  IF back_online OR (NEW.req_url_template, NEW.req_type, NEW.header::text, NEW.sealed_header, NEW.health_check::text, NEW.protocol)
     IS DISTINCT FROM (OLD.req_url_template, OLD.req_type, OLD.header::text, OLD.sealed_header, OLD.health_check::text, OLD.protocol) THEN
    NEW.health := 'unknown';
    NEW.health_reason := 'not probed yet';
  END IF;
  IF NEW.health <> OLD.health THEN
    NEW.health_since := now();
  END IF;
  IF defined OR NEW.admin_state <> OLD.admin_state THEN
    NEW.updated_at := now();
  END IF;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION worker_before_update() IS 'Keeps generation and the *_since columns true, whoever changes the row.';
CREATE TRIGGER worker_before_update BEFORE UPDATE ON worker FOR EACH ROW EXECUTE FUNCTION worker_before_update();

CREATE FUNCTION worker_record() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  who text := coalesce(nullif(current_setting('mmm.actor', true), ''), session_user);
  w worker := coalesce(NEW, OLD);
  changed text[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO worker_event (worker_id, model_name, req_url_template, kind, actor, generation)
      VALUES (w.id, w.model_name, w.req_url_template, 'registered', who, w.generation);
    RETURN NULL;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO worker_event (worker_id, model_name, req_url_template, kind, actor, generation)
      VALUES (w.id, w.model_name, w.req_url_template, 'deleted', who, w.generation);
    RETURN NULL;
  END IF;

  IF NEW.admin_state <> OLD.admin_state THEN
    INSERT INTO worker_event (worker_id, model_name, req_url_template, kind, actor, generation)
      VALUES (w.id, w.model_name, w.req_url_template,
        CASE WHEN OLD.admin_state = 'offline' AND NEW.admin_state = 'enabled' THEN 'registered' ELSE NEW.admin_state END,
        who, w.generation);
  END IF;
  IF NEW.generation <> OLD.generation THEN
    changed := array_remove(ARRAY[
      CASE WHEN NEW.model_name IS DISTINCT FROM OLD.model_name THEN 'model_name' END,
      CASE WHEN NEW.name IS DISTINCT FROM OLD.name THEN 'name' END,
      CASE WHEN NEW.req_url_template IS DISTINCT FROM OLD.req_url_template THEN 'req_url_template' END,
      CASE WHEN NEW.owner IS DISTINCT FROM OLD.owner THEN 'owner' END,
      CASE WHEN NEW.protocol IS DISTINCT FROM OLD.protocol THEN 'protocol' END,
      CASE WHEN NEW.task IS DISTINCT FROM OLD.task THEN 'task' END,
      CASE WHEN NEW.worker_type IS DISTINCT FROM OLD.worker_type THEN 'worker_type' END,
      CASE WHEN NEW.req_type IS DISTINCT FROM OLD.req_type THEN 'req_type' END,
      CASE WHEN NEW.body::text IS DISTINCT FROM OLD.body::text THEN 'body' END,
      CASE WHEN NEW.body_format IS DISTINCT FROM OLD.body_format THEN 'body_format' END,
      CASE WHEN NEW.req_param::text IS DISTINCT FROM OLD.req_param::text THEN 'req_param' END,
      CASE WHEN NEW.header::text IS DISTINCT FROM OLD.header::text THEN 'header' END,
      CASE WHEN NEW.sealed_header IS DISTINCT FROM OLD.sealed_header THEN 'sealed_header' END,
      CASE WHEN NEW.response_extract IS DISTINCT FROM OLD.response_extract THEN 'response_extract' END,
      CASE WHEN NEW.success_when::text IS DISTINCT FROM OLD.success_when::text THEN 'success_when' END,
      CASE WHEN NEW.is_stream IS DISTINCT FROM OLD.is_stream THEN 'is_stream' END,
      CASE WHEN NEW.defaults::text IS DISTINCT FROM OLD.defaults::text THEN 'defaults' END,
      CASE WHEN NEW.weight IS DISTINCT FROM OLD.weight THEN 'weight' END,
      CASE WHEN NEW.priority IS DISTINCT FROM OLD.priority THEN 'priority' END,
      CASE WHEN NEW.max_concurrency IS DISTINCT FROM OLD.max_concurrency THEN 'max_concurrency' END,
      CASE WHEN NEW.labels::text IS DISTINCT FROM OLD.labels::text THEN 'labels' END,
      CASE WHEN (NEW.connect_ms, NEW.first_byte_ms, NEW.idle_ms, NEW.total_ms)
        IS DISTINCT FROM (OLD.connect_ms, OLD.first_byte_ms, OLD.idle_ms, OLD.total_ms) THEN 'timeouts' END,
      CASE WHEN NEW.on_disconnect IS DISTINCT FROM OLD.on_disconnect THEN 'on_disconnect' END,
      CASE WHEN NEW.health_check::text IS DISTINCT FROM OLD.health_check::text THEN 'health_check' END
    ], NULL);
    IF cardinality(changed) > 0 THEN
      INSERT INTO worker_event (worker_id, model_name, req_url_template, kind, detail, actor, generation)
        VALUES (w.id, w.model_name, w.req_url_template, 'changed', array_to_string(changed, ', '), who, w.generation);
    END IF;
  END IF;
  IF NEW.health <> OLD.health THEN
    INSERT INTO worker_event (worker_id, model_name, req_url_template, kind, detail, actor, generation)
      VALUES (w.id, w.model_name, w.req_url_template,
        CASE WHEN NEW.health = 'healthy' AND OLD.health IN ('unhealthy', 'suspect', 'warming') THEN 'recovered' ELSE NEW.health END,
        NEW.health_reason, who, w.generation);
  END IF;
  RETURN NULL;
END $$;
COMMENT ON FUNCTION worker_record() IS 'Writes worker_event.';
CREATE TRIGGER worker_record AFTER INSERT OR UPDATE OR DELETE ON worker FOR EACH ROW EXECUTE FUNCTION worker_record();

CREATE FUNCTION worker_follow() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    PERFORM pg_notify('worker_changed', TG_TABLE_SCHEMA || ' ' || OLD.id);
    RETURN NULL;
  ELSIF TG_OP = 'INSERT' THEN
    INSERT INTO worker_probe (worker_id, generation) VALUES (NEW.id, NEW.generation);
  ELSIF NEW.generation <> OLD.generation THEN
    UPDATE worker_probe SET generation = NEW.generation, next_probe_at = now(), lease_owner = NULL, lease_until = NULL,
      failures_in_row = 0, successes_in_row = 0 WHERE worker_id = NEW.id;
  ELSIF NEW.admin_state = 'enabled' AND OLD.admin_state <> 'enabled' THEN
    UPDATE worker_probe SET next_probe_at = now() WHERE worker_id = NEW.id;
  END IF;
  IF TG_OP = 'INSERT' OR NEW.generation <> OLD.generation OR NEW.admin_state <> OLD.admin_state OR NEW.health <> OLD.health THEN
    PERFORM pg_notify('worker_changed', TG_TABLE_SCHEMA || ' ' || NEW.id);
  END IF;
  RETURN NULL;
END $$;
COMMENT ON FUNCTION worker_follow() IS 'Keeps worker_probe in step with worker, and notifies the replicas of changes that matter to them.';
CREATE TRIGGER worker_follow AFTER INSERT OR UPDATE OR DELETE ON worker FOR EACH ROW EXECUTE FUNCTION worker_follow();

CREATE VIEW worker_overview AS
SELECT w.model_name, w.name, w.req_url_template, w.owner, w.admin_state, w.health, w.health_reason,
       date_trunc('second', now() - w.health_since) AS health_for,
       p.last_probe_at, p.last_ok, p.last_detail, p.last_ms, p.next_probe_at, p.lease_owner,
       w.weight, w.priority, w.max_concurrency, w.generation, w.id
FROM worker w LEFT JOIN worker_probe p ON p.worker_id = w.id
ORDER BY w.model_name, w.created_at, w.id;
COMMENT ON VIEW worker_overview IS 'Who is there, in what state, and what the last probe saw: SELECT * FROM worker_overview;';
