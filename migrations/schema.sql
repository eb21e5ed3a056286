-- The schema after all migrations, from the catalogue. Written by: npm run schema:write

CREATE TABLE model (
  name text NOT NULL,
  strategy text,
  fallbacks text[] NOT NULL DEFAULT '{}'::text[],
  retries integer,
  retry_on text[],
  queue_max integer,
  queue_wait_ms integer,
  connect_ms integer,
  first_byte_ms integer,
  idle_ms integer,
  total_ms integer,
  generation integer NOT NULL DEFAULT 1,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  updated_at timestamp with time zone NOT NULL DEFAULT now(),
  updated_by text NOT NULL DEFAULT ''::text,
  CONSTRAINT model_fallbacks_few CHECK (((cardinality(fallbacks) <= 10) AND (array_position(fallbacks, name) IS NULL))),
  CONSTRAINT model_fallbacks_named CHECK (((array_position(fallbacks, NULL::text) IS NULL) AND (array_position(fallbacks, ''::text) IS NULL))),
  CONSTRAINT model_generation_positive CHECK ((generation > 0)),
  CONSTRAINT model_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
  CONSTRAINT model_pkey PRIMARY KEY (name),
  CONSTRAINT model_queue_range CHECK ((((queue_max >= 0) AND (queue_max <= 1000000)) AND ((queue_wait_ms >= 0) AND (queue_wait_ms <= 3600000)))),
  CONSTRAINT model_retries_range CHECK (((retries >= 0) AND (retries <= 10))),
  CONSTRAINT model_retry_on_known CHECK (((retry_on <@ ARRAY['connection'::text, '429'::text, '500'::text, '502'::text, '503'::text, '504'::text, 'timeout'::text, 'credentials'::text]) AND (COALESCE(array_ndims(retry_on), 1) = 1))),
  CONSTRAINT model_strategy_known CHECK ((strategy = ANY (ARRAY['least_load'::text, 'least_request'::text, 'round_robin'::text, 'random'::text, 'power_of_two'::text, 'peak_ewma'::text, 'consistent_hash'::text]))),
  CONSTRAINT model_timeouts_positive CHECK (((connect_ms > 0) AND (first_byte_ms > 0) AND (idle_ms > 0) AND (total_ms > 0)))
);

CREATE TABLE replica (
  id uuid NOT NULL,
  host text NOT NULL,
  started_at timestamp with time zone NOT NULL DEFAULT now(),
  seen_at timestamp with time zone NOT NULL DEFAULT now(),
  drained json NOT NULL DEFAULT '{}'::json,
  CONSTRAINT replica_pkey PRIMARY KEY (id)
);

CREATE TABLE worker (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  model_name text NOT NULL,
  name text NOT NULL DEFAULT ''::text,
  req_url_template text NOT NULL,
  owner text NOT NULL DEFAULT ''::text,
  protocol text NOT NULL DEFAULT 'template'::text,
  task text NOT NULL DEFAULT 'chat'::text,
  worker_type text NOT NULL DEFAULT 'REMOTE'::text,
  req_type text NOT NULL DEFAULT 'POST'::text,
  body json,
  body_format text NOT NULL DEFAULT 'json'::text,
  req_param json,
  header json,
  sealed_header text,
  response_extract text NOT NULL DEFAULT ''::text,
  success_when json,
  is_stream boolean NOT NULL DEFAULT false,
  defaults json,
  weight integer NOT NULL DEFAULT 1,
  priority integer NOT NULL DEFAULT 0,
  max_concurrency integer NOT NULL DEFAULT 64,
  labels json NOT NULL DEFAULT '{}'::json,
  connect_ms integer,
  first_byte_ms integer,
  idle_ms integer,
  total_ms integer,
  on_disconnect text NOT NULL DEFAULT 'abort'::text,
  health_check json,
  admin_state text NOT NULL DEFAULT 'enabled'::text,
  admin_state_since timestamp with time zone NOT NULL DEFAULT now(),
  admin_state_by text NOT NULL DEFAULT ''::text,
  health text NOT NULL DEFAULT 'unknown'::text,
  health_reason text NOT NULL DEFAULT 'not probed yet'::text,
  health_since timestamp with time zone NOT NULL DEFAULT now(),
  generation integer NOT NULL DEFAULT 1,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  updated_at timestamp with time zone NOT NULL DEFAULT now(),
  heartbeat_ttl_s integer,
  upstream_model text,
  stream_extract json,
  usage_extract json,
  any_task boolean NOT NULL DEFAULT false,
  CONSTRAINT worker_admin_state_known CHECK ((admin_state = ANY (ARRAY['enabled'::text, 'disabled'::text, 'draining'::text, 'offline'::text]))),
  CONSTRAINT worker_body_format_known CHECK ((body_format = ANY (ARRAY['json'::text, 'form'::text]))),
  CONSTRAINT worker_extract_length CHECK ((char_length(response_extract) <= 500)),
  CONSTRAINT worker_generation_positive CHECK ((generation > 0)),
  CONSTRAINT worker_health_known CHECK ((health = ANY (ARRAY['unknown'::text, 'healthy'::text, 'suspect'::text, 'unhealthy'::text, 'warming'::text]))),
  CONSTRAINT worker_heartbeat_ttl_range CHECK (((heartbeat_ttl_s >= 1) AND (heartbeat_ttl_s <= 86400))),
  CONSTRAINT worker_max_concurrency_range CHECK (((max_concurrency >= 1) AND (max_concurrency <= 100000))),
  CONSTRAINT worker_model_name_length CHECK (((char_length(model_name) >= 1) AND (char_length(model_name) <= 200))),
  CONSTRAINT worker_name_length CHECK ((char_length(name) <= 200)),
  CONSTRAINT worker_on_disconnect_known CHECK ((on_disconnect = ANY (ARRAY['abort'::text, 'finish'::text]))),
  CONSTRAINT worker_owner_length CHECK ((char_length(owner) <= 200)),
  CONSTRAINT worker_pkey PRIMARY KEY (id),
  CONSTRAINT worker_priority_range CHECK (((priority >= 0) AND (priority <= 1000))),
  CONSTRAINT worker_protocol_known CHECK ((protocol = ANY (ARRAY['template'::text, 'openai'::text, 'anthropic'::text, 'gemini'::text]))),
  CONSTRAINT worker_req_type_known CHECK ((req_type = ANY (ARRAY['GET'::text, 'POST'::text]))),
  CONSTRAINT worker_task_known CHECK ((task = ANY (ARRAY['chat'::text, 'completion'::text, 'embedding'::text, 'image'::text, 'video'::text, 'audio'::text]))),
  CONSTRAINT worker_timeouts_positive CHECK (((connect_ms > 0) AND (first_byte_ms > 0) AND (idle_ms > 0) AND (total_ms > 0))),
  CONSTRAINT worker_type_known CHECK ((worker_type = ANY (ARRAY['REMOTE'::text, 'LOCAL'::text]))),
  CONSTRAINT worker_upstream_model_length CHECK (((char_length(upstream_model) >= 1) AND (char_length(upstream_model) <= 200))),
  CONSTRAINT worker_url_http CHECK (((req_url_template ~ '^https?://'::text) AND (char_length(req_url_template) <= 2048))),
  CONSTRAINT worker_weight_range CHECK (((weight >= 1) AND (weight <= 1000)))
);

CREATE TABLE worker_event (
  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  worker_id uuid NOT NULL,
  model_name text NOT NULL,
  req_url_template text NOT NULL,
  kind text NOT NULL,
  detail text NOT NULL DEFAULT ''::text,
  actor text NOT NULL,
  generation integer NOT NULL,
  CONSTRAINT worker_event_kind_known CHECK ((kind = ANY (ARRAY['registered'::text, 'changed'::text, 'enabled'::text, 'disabled'::text, 'draining'::text, 'offline'::text, 'healthy'::text, 'suspect'::text, 'unhealthy'::text, 'warming'::text, 'unknown'::text, 'recovered'::text, 'deleted'::text]))),
  CONSTRAINT worker_event_pkey PRIMARY KEY (id)
);

CREATE TABLE worker_probe (
  worker_id uuid NOT NULL,
  generation integer NOT NULL DEFAULT 1,
  next_probe_at timestamp with time zone NOT NULL DEFAULT now(),
  lease_owner text,
  lease_until timestamp with time zone,
  last_probe_at timestamp with time zone,
  last_ok boolean,
  last_detail text NOT NULL DEFAULT ''::text,
  last_ms integer,
  failures_in_row integer NOT NULL DEFAULT 0,
  successes_in_row integer NOT NULL DEFAULT 0,
  heartbeat_at timestamp with time zone,
  last_good_at timestamp with time zone NOT NULL DEFAULT now(),
  last_served_at timestamp with time zone,
  failing_since timestamp with time zone,
  unreachable_in_row integer NOT NULL DEFAULT 0,
  CONSTRAINT worker_probe_counts CHECK (((failures_in_row >= 0) AND (successes_in_row >= 0))),
  CONSTRAINT worker_probe_lease_whole CHECK (((lease_owner IS NULL) = (lease_until IS NULL))),
  CONSTRAINT worker_probe_pkey PRIMARY KEY (worker_id),
  CONSTRAINT worker_probe_worker FOREIGN KEY (worker_id) REFERENCES worker(id) ON DELETE CASCADE
);

CREATE TABLE worker_slot (
  worker_id uuid NOT NULL,
  slot integer NOT NULL,
  replica_id uuid NOT NULL,
  lease_until timestamp with time zone NOT NULL,
  CONSTRAINT worker_slot_number CHECK ((slot >= 0)),
  CONSTRAINT worker_slot_pkey PRIMARY KEY (worker_id, slot),
  CONSTRAINT worker_slot_replica FOREIGN KEY (replica_id) REFERENCES replica(id) ON DELETE CASCADE,
  CONSTRAINT worker_slot_worker FOREIGN KEY (worker_id) REFERENCES worker(id) ON DELETE CASCADE
);

CREATE TABLE worker_slot_wish (
  worker_id uuid NOT NULL,
  replica_id uuid NOT NULL,
  wished_until timestamp with time zone NOT NULL,
  CONSTRAINT worker_slot_wish_pkey PRIMARY KEY (worker_id, replica_id),
  CONSTRAINT worker_slot_wish_replica FOREIGN KEY (replica_id) REFERENCES replica(id) ON DELETE CASCADE,
  CONSTRAINT worker_slot_wish_worker FOREIGN KEY (worker_id) REFERENCES worker(id) ON DELETE CASCADE
);


CREATE INDEX worker_event_at ON public.worker_event USING btree (at);
CREATE INDEX worker_event_of_worker ON public.worker_event USING btree (worker_id, id);
CREATE UNIQUE INDEX worker_natural_key ON public.worker USING btree (model_name, md5(req_url_template), name);
CREATE INDEX worker_slot_of_replica ON public.worker_slot USING btree (replica_id);
CREATE INDEX worker_slot_wish_of_replica ON public.worker_slot_wish USING btree (replica_id);

CREATE VIEW worker_overview AS
 SELECT w.model_name,
    w.name,
    w.req_url_template,
    w.owner,
    w.admin_state,
    w.health,
    w.health_reason,
    date_trunc('second'::text, now() - w.health_since) AS health_for,
    p.last_probe_at,
    p.last_ok,
    p.last_detail,
    p.last_ms,
    p.next_probe_at,
    p.lease_owner,
    w.weight,
    w.priority,
    w.max_concurrency,
    w.generation,
    w.id,
    p.last_served_at,
    w.heartbeat_ttl_s,
    p.heartbeat_at
   FROM worker w
     LEFT JOIN worker_probe p ON p.worker_id = w.id
  ORDER BY w.model_name, w.created_at, w.id;

CREATE OR REPLACE FUNCTION public.model_follow()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public'
AS $function$
BEGIN
  PERFORM pg_notify('model_changed', TG_TABLE_SCHEMA || ' ' || coalesce(NEW.name, OLD.name));
  IF TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    NEW.generation := OLD.generation + 1;
    NEW.updated_at := now();
  END IF;
  NEW.updated_by := coalesce(nullif(current_setting('mmm.actor', true), ''), session_user);
  RETURN NEW;
END $function$
;
CREATE OR REPLACE FUNCTION public.worker_before_update()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public'
AS $function$
DECLARE
  changed text[] := worker_changes(OLD, NEW);
  back_online boolean := OLD.admin_state = 'offline' AND NEW.admin_state = 'enabled';
BEGIN
  NEW.generation := OLD.generation + (cardinality(changed) > 0 OR back_online)::int;
  IF NEW.admin_state <> OLD.admin_state THEN
    NEW.admin_state_since := now();
  END IF;
  IF NEW.admin_state_since <> OLD.admin_state_since THEN
    NEW.admin_state_by := coalesce(nullif(current_setting('mmm.actor', true), ''), session_user);
  END IF;
  -- Evidence about another way of calling it says nothing about this one.
  IF back_online OR changed && ARRAY['req_url_template', 'req_type', 'header', 'sealed_header', 'health_check', 'protocol'] THEN
    NEW.health := 'unknown';
    NEW.health_reason := 'not probed yet';
  END IF;
  IF NEW.health <> OLD.health THEN
    NEW.health_since := now();
  END IF;
  IF cardinality(changed) > 0 OR NEW.admin_state <> OLD.admin_state THEN
    NEW.updated_at := now();
  END IF;
  RETURN NEW;
END $function$
;
CREATE OR REPLACE FUNCTION public.worker_changes(before worker, after worker)
 RETURNS text[]
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'public'
AS $function$
DECLARE
  changed text[];
BEGIN
  -- As text, not as JSON: its functions fail on U+0000 and lone surrogates, which a body may hold.
  EXECUTE (
    SELECT format('SELECT array_remove(ARRAY[%s], NULL)',
      string_agg(format('CASE WHEN ($1).%1$I::text IS DISTINCT FROM ($2).%1$I::text THEN %1$L END', attname), ', ' ORDER BY attnum))
    FROM pg_attribute
    WHERE attrelid = 'worker'::regclass AND attnum > 0 AND NOT attisdropped
      AND attname NOT IN ('id', 'admin_state', 'admin_state_since', 'admin_state_by', 'health', 'health_reason', 'health_since',
        'generation', 'created_at', 'updated_at')
  ) INTO changed USING before, after;
  RETURN changed;
END $function$
;
CREATE OR REPLACE FUNCTION public.worker_follow()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public'
AS $function$
BEGIN
  IF TG_OP = 'DELETE' THEN
    PERFORM pg_notify('worker_changed', TG_TABLE_SCHEMA || ' ' || OLD.id);
    RETURN NULL;
  ELSIF TG_OP = 'INSERT' THEN
    INSERT INTO worker_probe (worker_id, generation) VALUES (NEW.id, NEW.generation);
  ELSIF NEW.generation <> OLD.generation THEN
    -- A worker that is registered anew has until its next heartbeat is due.
    UPDATE worker_probe SET generation = NEW.generation, next_probe_at = now(), lease_owner = NULL, lease_until = NULL,
      failures_in_row = 0, successes_in_row = 0, last_good_at = now(), heartbeat_at = now() WHERE worker_id = NEW.id;
  ELSIF NEW.admin_state = 'enabled' AND OLD.admin_state_since <> NEW.admin_state_since THEN
    UPDATE worker_probe SET next_probe_at = now() WHERE worker_id = NEW.id;
  END IF;
  IF TG_OP = 'INSERT' OR NEW.generation <> OLD.generation OR NEW.admin_state_since <> OLD.admin_state_since OR NEW.health <> OLD.health THEN
    PERFORM pg_notify('worker_changed', TG_TABLE_SCHEMA || ' ' || NEW.id);
  END IF;
  RETURN NULL;
END $function$
;
CREATE OR REPLACE FUNCTION public.worker_record()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public'
AS $function$
DECLARE
  who text := coalesce(nullif(current_setting('mmm.actor', true), ''), session_user);
  w worker := coalesce(NEW, OLD);
  changed text[];
BEGIN
  IF TG_OP <> 'UPDATE' THEN
    INSERT INTO worker_event (worker_id, model_name, req_url_template, kind, actor, generation)
      VALUES (w.id, w.model_name, w.req_url_template, CASE TG_OP WHEN 'INSERT' THEN 'registered' ELSE 'deleted' END, who, w.generation);
    RETURN NULL;
  END IF;
  IF NEW.admin_state_since <> OLD.admin_state_since THEN
    INSERT INTO worker_event (worker_id, model_name, req_url_template, kind, actor, generation)
      VALUES (w.id, w.model_name, w.req_url_template,
        CASE WHEN OLD.admin_state = 'offline' AND NEW.admin_state = 'enabled' THEN 'registered' ELSE NEW.admin_state END,
        who, w.generation);
  END IF;
  changed := worker_changes(OLD, NEW);
  IF cardinality(changed) > 0 THEN
    INSERT INTO worker_event (worker_id, model_name, req_url_template, kind, detail, actor, generation)
      VALUES (w.id, w.model_name, w.req_url_template, 'changed', array_to_string(changed, ', '), who, w.generation);
  END IF;
  IF NEW.health <> OLD.health THEN
    INSERT INTO worker_event (worker_id, model_name, req_url_template, kind, detail, actor, generation)
      VALUES (w.id, w.model_name, w.req_url_template,
        CASE WHEN NEW.health = 'healthy' AND OLD.health IN ('unhealthy', 'suspect', 'warming') THEN 'recovered' ELSE NEW.health END,
        NEW.health_reason, who, w.generation);
  END IF;
  RETURN NULL;
END $function$
;

CREATE TRIGGER model_follow BEFORE INSERT OR DELETE OR UPDATE ON model FOR EACH ROW EXECUTE FUNCTION model_follow();
CREATE TRIGGER worker_before_update BEFORE UPDATE ON worker FOR EACH ROW EXECUTE FUNCTION worker_before_update();
CREATE TRIGGER worker_follow AFTER INSERT OR DELETE OR UPDATE ON worker FOR EACH ROW EXECUTE FUNCTION worker_follow();
CREATE TRIGGER worker_record AFTER INSERT OR DELETE OR UPDATE ON worker FOR EACH ROW EXECUTE FUNCTION worker_record();

COMMENT ON TABLE model IS 'What holds for all workers of one model_name. No row, or null: the settings decide.';
COMMENT ON COLUMN model.name IS 'The model_name; it may be here before its first worker.';
COMMENT ON COLUMN model.strategy IS 'How its workers are picked; null: BALANCING_STRATEGY.';
COMMENT ON COLUMN model.fallbacks IS 'Models that are asked, in this order, when none of its workers can answer.';
COMMENT ON COLUMN model.retries IS 'Further workers asked after one refused, 0 to 10; null: BALANCING_RETRIES.';
COMMENT ON COLUMN model.retry_on IS 'What another worker is asked after: connection, 429, 500, 502, 503, 504, timeout (of a stream that did not begin), credentials; null: all.';
COMMENT ON COLUMN model.queue_max IS 'Requests that may wait for it on a replica; null: by the caps of its workers.';
COMMENT ON COLUMN model.queue_wait_ms IS 'Milliseconds a request waits for a worker to become free; null: BALANCING_QUEUE_WAIT_MS.';
COMMENT ON COLUMN model.connect_ms IS 'Milliseconds to connect, for workers that do not say themselves.';
COMMENT ON COLUMN model.first_byte_ms IS 'Milliseconds until a stream begins, for workers that do not say themselves.';
COMMENT ON COLUMN model.idle_ms IS 'Milliseconds of silence within a stream, for workers that do not say themselves.';
COMMENT ON COLUMN model.total_ms IS 'Milliseconds for a whole request, all attempts and fallbacks together.';
COMMENT ON COLUMN model.generation IS 'Rises with every change.';
COMMENT ON COLUMN model.created_at IS 'When this row came.';
COMMENT ON COLUMN model.updated_at IS 'When it last changed.';
COMMENT ON COLUMN model.updated_by IS 'Who changed it last.';
COMMENT ON FUNCTION model_follow() IS 'Keeps generation and updated_* true, and notifies the replicas.';
COMMENT ON TABLE replica IS 'The running copies of the service. One that was not seen for a while is dead; its row goes later.';
COMMENT ON COLUMN replica.id IS 'Made at its start.';
COMMENT ON COLUMN replica.host IS 'The host or pod it runs on.';
COMMENT ON COLUMN replica.started_at IS 'When it started.';
COMMENT ON COLUMN replica.seen_at IS 'When it last said that it is there.';
COMMENT ON COLUMN replica.drained IS 'Of the draining workers, those on which it has no request left: worker id to admin_state_since, in milliseconds since 1970.';
COMMENT ON TABLE worker IS 'One inference endpoint a row: where it is, how it is called, whether it may be used. Changes made here by hand are obeyed by every replica.';
COMMENT ON COLUMN worker.id IS 'Made when first registered; kept when it comes back from offline.';
COMMENT ON COLUMN worker.model_name IS 'What callers ask for. All workers with one model_name serve it together.';
COMMENT ON COLUMN worker.name IS 'Tells two workers with the same model and URL apart (two accounts, say); empty for most.';
COMMENT ON COLUMN worker.req_url_template IS 'The URL that is called; placeholders such as {USER_PROMPT} may stand in its path and query.';
COMMENT ON COLUMN worker.owner IS 'Who owns the worker; a label.';
COMMENT ON COLUMN worker.protocol IS 'How it is spoken to. template: by body, req_param, header and response_extract. openai, anthropic, gemini: by that API, req_url_template being its base.';
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
COMMENT ON COLUMN worker.admin_state_since IS 'When admin_state last changed. Set it to now() on an enabled worker to have the replicas forget what they hold against it.';
COMMENT ON COLUMN worker.admin_state_by IS 'Who changed admin_state last.';
COMMENT ON COLUMN worker.health IS 'What the probes say: unknown, healthy, suspect, unhealthy or warming. unhealthy workers get no requests.';
COMMENT ON COLUMN worker.health_reason IS 'Why, in words.';
COMMENT ON COLUMN worker.health_since IS 'When health last changed.';
COMMENT ON COLUMN worker.generation IS 'Rises with every change of the definition; a probe of an older generation is dropped.';
COMMENT ON COLUMN worker.created_at IS 'When it was first registered.';
COMMENT ON COLUMN worker.updated_at IS 'When its definition or admin_state last changed.';
COMMENT ON COLUMN worker.heartbeat_ttl_s IS 'The worker promises a heartbeat within so many seconds; after three missed it is suspect, and offline if its probes fail too. null: it promises none.';
COMMENT ON COLUMN worker.upstream_model IS 'What the upstream calls the model, where it has another name there.';
COMMENT ON COLUMN worker.stream_extract IS 'How a template worker that streams is read, event by event: {"text", "format", "done", "finish_reason", "usage", "delta"}.';
COMMENT ON COLUMN worker.usage_extract IS 'Where a whole answer tells its tokens: {"input", "output"}, paths as in response_extract.';
COMMENT ON COLUMN worker.any_task IS 'Takes whatever its API offers, such as chat and embeddings: registered without a task, protocol openai or anthropic. task has no meaning then.';
COMMENT ON FUNCTION worker_before_update() IS 'Keeps generation and the *_since columns true, whoever changes the row.';
COMMENT ON FUNCTION worker_changes(before worker, after worker) IS 'The columns in which two definitions differ.';
COMMENT ON TABLE worker_event IS 'What happened to workers, written by trigger, so that changes made by hand are here too. No foreign key: the history outlives the worker.';
COMMENT ON COLUMN worker_event.id IS 'Rises with time.';
COMMENT ON COLUMN worker_event.at IS 'When.';
COMMENT ON COLUMN worker_event.worker_id IS 'The worker, which may be gone.';
COMMENT ON COLUMN worker_event.model_name IS 'Its model at that time.';
COMMENT ON COLUMN worker_event.req_url_template IS 'Its URL at that time.';
COMMENT ON COLUMN worker_event.kind IS 'registered, changed, deleted; the new admin_state; the new health (recovered: healthy again).';
COMMENT ON COLUMN worker_event.detail IS 'The columns that changed, or the reason of a verdict; never a value that could be a secret.';
COMMENT ON COLUMN worker_event.actor IS 'Who: the setting mmm.actor where the service set it, else the database user.';
COMMENT ON COLUMN worker_event.generation IS 'The generation after the change.';
COMMENT ON FUNCTION worker_follow() IS 'Keeps worker_probe in step with worker, and notifies the replicas of changes that matter to them.';
COMMENT ON VIEW worker_overview IS 'Who is there, in what state, and what the last probe saw: SELECT * FROM worker_overview;';
COMMENT ON TABLE worker_probe IS 'The prober''s diary, a row a worker. Written often and announced never: changes of the verdict go to worker.health.';
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
COMMENT ON COLUMN worker_probe.heartbeat_at IS 'The last heartbeat; null: none yet.';
COMMENT ON COLUMN worker_probe.last_good_at IS 'The last successful probe; the time of the definition when there was none yet.';
COMMENT ON COLUMN worker_probe.last_served_at IS 'When a request last succeeded there, on any replica; written every few seconds at most.';
COMMENT ON COLUMN worker_probe.failing_since IS 'When the first of the failed probes in a row failed; counts only while failures_in_row is above 0.';
COMMENT ON COLUMN worker_probe.unreachable_in_row IS 'Failed probes in a row that were refused, reset or got no connection; at most failures_in_row.';
COMMENT ON FUNCTION worker_record() IS 'Writes worker_event.';
COMMENT ON TABLE worker_slot IS 'Who may use a worker whose max_concurrency is below the number of replicas: a row for each slot that is in use.';
COMMENT ON COLUMN worker_slot.worker_id IS 'The worker.';
COMMENT ON COLUMN worker_slot.slot IS 'From 0 to max_concurrency - 1.';
COMMENT ON COLUMN worker_slot.replica_id IS 'The replica that may have one request there.';
COMMENT ON COLUMN worker_slot.lease_until IS 'After this another replica may take it.';
COMMENT ON TABLE worker_slot_wish IS 'Which replicas have requests waiting for a slot: who holds one gives it up after the request that runs there.';
COMMENT ON COLUMN worker_slot_wish.worker_id IS 'The worker.';
COMMENT ON COLUMN worker_slot_wish.replica_id IS 'The replica whose requests wait.';
COMMENT ON COLUMN worker_slot_wish.wished_until IS 'After this the wish is void.';
