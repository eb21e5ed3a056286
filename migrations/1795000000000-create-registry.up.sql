-- The registry: who the workers are (`worker`), when they were last looked at (`worker_probe`) and what
-- happened to them (`worker_event`). The first migration: no older release runs beside it.

CREATE TABLE worker (
  id                uuid        NOT NULL DEFAULT gen_random_uuid(),
  model_name        text        NOT NULL,
  name              text        NOT NULL DEFAULT '',
  req_url_template  text        NOT NULL,
  owner             text        NOT NULL DEFAULT '',
  protocol          text        NOT NULL DEFAULT 'template',
  task              text        NOT NULL DEFAULT 'chat',
  worker_type       text        NOT NULL DEFAULT 'REMOTE',
  req_type          text        NOT NULL DEFAULT 'POST',
  body              json,
  body_format       text        NOT NULL DEFAULT 'json',
  req_param         json,
  header            json,
  sealed_header     text,
  response_extract  text        NOT NULL DEFAULT '',
  success_when      json,
  is_stream         boolean     NOT NULL DEFAULT false,
  defaults          json,
  weight            integer     NOT NULL DEFAULT 1,
  priority          integer     NOT NULL DEFAULT 0,
  max_concurrency   integer     NOT NULL DEFAULT 64,
  labels            json        NOT NULL DEFAULT '{}',
  connect_ms        integer,
  first_byte_ms     integer,
  idle_ms           integer,
  total_ms          integer,
  on_disconnect     text        NOT NULL DEFAULT 'abort',
  health_check      json,
  admin_state       text        NOT NULL DEFAULT 'enabled',
  admin_state_since timestamptz NOT NULL DEFAULT now(),
  admin_state_by    text        NOT NULL DEFAULT '',
  health            text        NOT NULL DEFAULT 'unknown',
  health_reason     text        NOT NULL DEFAULT 'not probed yet',
  health_since      timestamptz NOT NULL DEFAULT now(),
  generation        integer     NOT NULL DEFAULT 1,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT worker_pkey PRIMARY KEY (id),
  CONSTRAINT worker_model_name_length CHECK (char_length(model_name) BETWEEN 1 AND 200),
  CONSTRAINT worker_name_length CHECK (char_length(name) <= 200),
  CONSTRAINT worker_owner_length CHECK (char_length(owner) <= 200),
  CONSTRAINT worker_url_http CHECK (req_url_template ~ '^https?://' AND char_length(req_url_template) <= 2048),
  CONSTRAINT worker_protocol_known CHECK (protocol IN ('template')),
  CONSTRAINT worker_task_known CHECK (task IN ('chat', 'completion', 'embedding', 'image', 'video', 'audio')),
  CONSTRAINT worker_type_known CHECK (worker_type IN ('REMOTE', 'LOCAL')),
  CONSTRAINT worker_req_type_known CHECK (req_type IN ('GET', 'POST')),
  CONSTRAINT worker_body_format_known CHECK (body_format IN ('json', 'form')),
  CONSTRAINT worker_extract_length CHECK (char_length(response_extract) <= 500),
  CONSTRAINT worker_weight_range CHECK (weight BETWEEN 1 AND 1000),
  CONSTRAINT worker_priority_range CHECK (priority BETWEEN 0 AND 1000),
  CONSTRAINT worker_max_concurrency_range CHECK (max_concurrency BETWEEN 1 AND 100000),
  CONSTRAINT worker_timeouts_positive CHECK (connect_ms > 0 AND first_byte_ms > 0 AND idle_ms > 0 AND total_ms > 0),
  CONSTRAINT worker_on_disconnect_known CHECK (on_disconnect IN ('abort', 'finish')),
  CONSTRAINT worker_admin_state_known CHECK (admin_state IN ('enabled', 'disabled', 'draining', 'offline')),
  CONSTRAINT worker_health_known CHECK (health IN ('unknown', 'healthy', 'suspect', 'unhealthy', 'warming')),
  CONSTRAINT worker_generation_positive CHECK (generation > 0)
);
-- The natural key. The URL by its hash, because an index entry holds at most 2,704 bytes.
CREATE UNIQUE INDEX worker_natural_key ON worker (model_name, md5(req_url_template), name);

COMMENT ON TABLE  worker IS 'One inference endpoint a row: where it is, how it is called, whether it may be used. Changes made here by hand are obeyed by every replica.';
COMMENT ON COLUMN worker.id IS 'Made when first registered; kept when it comes back from offline.';
COMMENT ON COLUMN worker.model_name IS 'What callers ask for. All workers with one model_name serve it together.';
COMMENT ON COLUMN worker.name IS 'Tells two workers with the same model and URL apart (two accounts, say); empty for most.';
COMMENT ON COLUMN worker.req_url_template IS 'The URL that is called; placeholders such as {USER_PROMPT} may stand in its path and query.';
COMMENT ON COLUMN worker.owner IS 'Who owns the worker; a label.';
COMMENT ON COLUMN worker.protocol IS 'How it is spoken to. template: by body, req_param, header and response_extract.';
COMMENT ON COLUMN worker.task IS 'What it does: chat, completion, embedding, image, video or audio.';
COMMENT ON COLUMN worker.worker_type IS 'REMOTE or LOCAL; a label without effect.';
COMMENT ON COLUMN worker.req_type IS 'The HTTP method: POST or GET.';
COMMENT ON COLUMN worker.body IS 'The request body with placeholders. json, not jsonb: key order and every character are kept.';
COMMENT ON COLUMN worker.body_format IS 'How body is sent: json, or form (application/x-www-form-urlencoded).';
COMMENT ON COLUMN worker.req_param IS 'Query parameters, with placeholders.';
COMMENT ON COLUMN worker.header IS 'Headers that hold no secret. Values that may be credentials stand encrypted in sealed_header.';
COMMENT ON COLUMN worker.sealed_header IS 'Headers that may be credentials, AES-256-GCM, bound to this id and the origin of the URL; unreadable in any other row or for any other origin.';
COMMENT ON COLUMN worker.response_extract IS 'Where the answer stands in the response, such as data.items[].answer; empty: the whole text.';
COMMENT ON COLUMN worker.success_when IS '{"path", "equals"}: an answer for which this does not hold is a failure, whatever its status.';
COMMENT ON COLUMN worker.is_stream IS 'Whether the upstream answers in a stream.';
COMMENT ON COLUMN worker.defaults IS 'temperature, max_tokens and system_prompt for callers who give none.';
COMMENT ON COLUMN worker.weight IS '1 to 1000; twice the weight, twice the work.';
COMMENT ON COLUMN worker.priority IS '0 is used first; a higher number only when no lower one can be used.';
COMMENT ON COLUMN worker.max_concurrency IS 'Requests it is given at once.';
COMMENT ON COLUMN worker.labels IS 'Free text labels, up to 32.';
COMMENT ON COLUMN worker.connect_ms IS 'Milliseconds to connect; null: CONNECT_TIMEOUT_MS.';
COMMENT ON COLUMN worker.first_byte_ms IS 'Milliseconds until the answer begins; null: FIRST_BYTE_TIMEOUT_MS, for streams only.';
COMMENT ON COLUMN worker.idle_ms IS 'Milliseconds of silence within an answer; null: IDLE_TIMEOUT_MS, for streams only.';
COMMENT ON COLUMN worker.total_ms IS 'Milliseconds for the whole call; null: REQUEST_TIMEOUT_MS.';
COMMENT ON COLUMN worker.on_disconnect IS 'When the caller hangs up: abort the call, or finish it.';
COMMENT ON COLUMN worker.health_check IS 'How it is probed, where the default (GET /health at its origin, below 500 is alive) will not do.';
COMMENT ON COLUMN worker.admin_state IS 'What people want: enabled; draining (no new requests); disabled (off until enabled by hand); offline (removed, kept for a while).';
COMMENT ON COLUMN worker.admin_state_since IS 'When admin_state last changed.';
COMMENT ON COLUMN worker.admin_state_by IS 'Who changed admin_state last.';
COMMENT ON COLUMN worker.health IS 'What the probes say: unknown, healthy, suspect, unhealthy or warming. unhealthy workers get no requests.';
COMMENT ON COLUMN worker.health_reason IS 'Why, in words.';
COMMENT ON COLUMN worker.health_since IS 'When health last changed.';
COMMENT ON COLUMN worker.generation IS 'Rises with every change of the definition; a probe of an older generation is dropped.';
COMMENT ON COLUMN worker.created_at IS 'When it was first registered.';
COMMENT ON COLUMN worker.updated_at IS 'When its definition or admin_state last changed.';

CREATE TABLE worker_probe (
  worker_id        uuid        NOT NULL,
  generation       integer     NOT NULL DEFAULT 1,
  next_probe_at    timestamptz NOT NULL DEFAULT now(),
  lease_owner      text,
  lease_until      timestamptz,
  last_probe_at    timestamptz,
  last_ok          boolean,
  last_detail      text        NOT NULL DEFAULT '',
  last_ms          integer,
  failures_in_row  integer     NOT NULL DEFAULT 0,
  successes_in_row integer     NOT NULL DEFAULT 0,
  CONSTRAINT worker_probe_pkey PRIMARY KEY (worker_id),
  CONSTRAINT worker_probe_worker FOREIGN KEY (worker_id) REFERENCES worker (id) ON DELETE CASCADE,
  CONSTRAINT worker_probe_lease_whole CHECK ((lease_owner IS NULL) = (lease_until IS NULL)),
  CONSTRAINT worker_probe_counts CHECK (failures_in_row >= 0 AND successes_in_row >= 0)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

COMMENT ON TABLE  worker_probe IS 'The prober''s diary, a row a worker. Written often and announced never: changes of the verdict go to worker.health.';
COMMENT ON COLUMN worker_probe.worker_id IS 'The worker.';
COMMENT ON COLUMN worker_probe.generation IS 'The definition that is probed; results of another are dropped.';
COMMENT ON COLUMN worker_probe.next_probe_at IS 'When the next probe is due. Set it to now() to have the worker probed at once.';
COMMENT ON COLUMN worker_probe.lease_owner IS 'The replica that is probing it now.';
COMMENT ON COLUMN worker_probe.lease_until IS 'After this another replica may probe it.';
COMMENT ON COLUMN worker_probe.last_probe_at IS 'When it was last probed.';
COMMENT ON COLUMN worker_probe.last_ok IS 'Whether that probe succeeded.';
COMMENT ON COLUMN worker_probe.last_detail IS 'What that probe saw.';
COMMENT ON COLUMN worker_probe.last_ms IS 'How long that probe took, in milliseconds.';
COMMENT ON COLUMN worker_probe.failures_in_row IS 'Failed probes since the last success.';
COMMENT ON COLUMN worker_probe.successes_in_row IS 'Successful probes since the last failure.';

CREATE TABLE worker_event (
  id               bigint      GENERATED ALWAYS AS IDENTITY,
  at               timestamptz NOT NULL DEFAULT clock_timestamp(),
  worker_id        uuid        NOT NULL,
  model_name       text        NOT NULL,
  req_url_template text        NOT NULL,
  kind             text        NOT NULL,
  detail           text        NOT NULL DEFAULT '',
  actor            text        NOT NULL,
  generation       integer     NOT NULL,
  CONSTRAINT worker_event_pkey PRIMARY KEY (id),
  CONSTRAINT worker_event_kind_known CHECK (kind IN ('registered', 'changed', 'enabled', 'disabled', 'draining',
    'offline', 'healthy', 'suspect', 'unhealthy', 'warming', 'unknown', 'recovered', 'deleted'))
);
CREATE INDEX worker_event_of_worker ON worker_event (worker_id, id);
CREATE INDEX worker_event_at ON worker_event (at);

COMMENT ON TABLE  worker_event IS 'What happened to workers, written by trigger, so that changes made by hand are here too. No foreign key: the history outlives the worker.';
COMMENT ON COLUMN worker_event.id IS 'Rises with time.';
COMMENT ON COLUMN worker_event.at IS 'When.';
COMMENT ON COLUMN worker_event.worker_id IS 'The worker, which may be gone.';
COMMENT ON COLUMN worker_event.model_name IS 'Its model at that time.';
COMMENT ON COLUMN worker_event.req_url_template IS 'Its URL at that time.';
COMMENT ON COLUMN worker_event.kind IS 'registered, changed, deleted; the new admin_state; the new health (recovered: healthy again).';
COMMENT ON COLUMN worker_event.detail IS 'The columns that changed, or the reason of a verdict; never a value that could be a secret.';
COMMENT ON COLUMN worker_event.actor IS 'Who: the setting mmm.actor where the service set it, else the database user.';
COMMENT ON COLUMN worker_event.generation IS 'The generation after the change.';

CREATE VIEW worker_overview AS
SELECT w.model_name, w.name, w.req_url_template, w.owner, w.admin_state, w.health, w.health_reason,
       date_trunc('second', now() - w.health_since) AS health_for,
       p.last_probe_at, p.last_ok, p.last_detail, p.last_ms, p.next_probe_at, p.lease_owner,
       w.weight, w.priority, w.max_concurrency, w.generation, w.id
FROM worker w LEFT JOIN worker_probe p ON p.worker_id = w.id
ORDER BY w.model_name, w.created_at, w.id;
COMMENT ON VIEW worker_overview IS 'Who is there, in what state, and what the last probe saw: SELECT * FROM worker_overview;';

-- What the row itself must say after any change, also one made by hand.
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

-- Tells the replicas, and the prober, what they must look at again. Never for probes: a NOTIFY takes a database-wide lock at commit.
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
