-- The schema after all migrations, from the catalogue. Written by: npm run schema:write

CREATE TABLE job (
  id uuid NOT NULL,
  model_name text NOT NULL,
  worker_id uuid,
  owner_key text NOT NULL DEFAULT ''::text,
  kind text NOT NULL,
  mode text NOT NULL DEFAULT 'poll'::text,
  state text NOT NULL DEFAULT 'queued'::text,
  state_since timestamp with time zone NOT NULL DEFAULT now(),
  version integer NOT NULL DEFAULT 1,
  upstream_word text NOT NULL DEFAULT ''::text,
  progress integer NOT NULL DEFAULT 0,
  queue_position integer,
  note text NOT NULL DEFAULT ''::text,
  error_code text,
  error text,
  request json NOT NULL,
  input_bytes bigint NOT NULL DEFAULT 0,
  kept json NOT NULL DEFAULT '{}'::json,
  result json,
  submits integer NOT NULL DEFAULT 0,
  looks integer NOT NULL DEFAULT 0,
  unable uuid[] NOT NULL DEFAULT '{}'::uuid[],
  tried uuid[] NOT NULL DEFAULT '{}'::uuid[],
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  queue_until timestamp with time zone NOT NULL,
  submitted_at timestamp with time zone,
  deadline_at timestamp with time zone,
  not_found_since timestamp with time zone,
  done_at timestamp with time zone,
  cancel_at timestamp with time zone,
  ended_at timestamp with time zone,
  expires_at timestamp with time zone,
  removed_at timestamp with time zone,
  due_at timestamp with time zone NOT NULL DEFAULT now(),
  lease_owner uuid,
  lease_until timestamp with time zone,
  fence integer NOT NULL DEFAULT 0,
  cancel_wanted boolean NOT NULL DEFAULT false,
  idempotency_key text,
  request_hash text,
  request_id text NOT NULL DEFAULT ''::text,
  webhook_url text,
  CONSTRAINT job_counts CHECK (((submits >= 0) AND (looks >= 0) AND (version > 0) AND (input_bytes >= 0))),
  CONSTRAINT job_ended_with_state CHECK (((state = ANY (ARRAY['succeeded'::text, 'failed'::text, 'cancelled'::text])) = (ended_at IS NOT NULL))),
  CONSTRAINT job_error_code_known CHECK ((error_code = ANY (ARRAY['busy'::text, 'submit_refused'::text, 'submit_unknown'::text, 'upstream_failed'::text, 'upstream_lost'::text, 'result_missing'::text, 'result_unreachable'::text, 'result_forbidden'::text, 'timeout'::text, 'misconfigured'::text, 'cancelled'::text, 'worker_deleted'::text]))),
  CONSTRAINT job_failed_with_code CHECK (((state = ANY (ARRAY['failed'::text, 'cancelled'::text])) = (error_code IS NOT NULL))),
  CONSTRAINT job_idempotency_key_length CHECK (((char_length(idempotency_key) >= 1) AND (char_length(idempotency_key) <= 255))),
  CONSTRAINT job_kind_known CHECK ((kind = ANY (ARRAY['image'::text, 'video'::text, 'audio'::text, 'text'::text]))),
  CONSTRAINT job_lease_whole CHECK (((lease_owner IS NULL) = (lease_until IS NULL))),
  CONSTRAINT job_mode_known CHECK ((mode = ANY (ARRAY['poll'::text, 'call'::text]))),
  CONSTRAINT job_model_name_length CHECK (((char_length(model_name) >= 1) AND (char_length(model_name) <= 200))),
  CONSTRAINT job_of_worker FOREIGN KEY (worker_id) REFERENCES worker(id) ON DELETE SET NULL,
  CONSTRAINT job_pkey PRIMARY KEY (id),
  CONSTRAINT job_progress_range CHECK (((progress >= 0) AND (progress <= 100))),
  CONSTRAINT job_state_known CHECK ((state = ANY (ARRAY['queued'::text, 'submitting'::text, 'unknown'::text, 'running'::text, 'cancelling'::text, 'succeeded'::text, 'failed'::text, 'cancelled'::text])))
) WITH (fillfactor=70, autovacuum_vacuum_scale_factor=0.05, autovacuum_vacuum_threshold=500);

CREATE TABLE job_event (
  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  job_id uuid NOT NULL,
  state text NOT NULL,
  note text NOT NULL DEFAULT ''::text,
  actor text NOT NULL,
  CONSTRAINT job_event_job FOREIGN KEY (job_id) REFERENCES job(id) ON DELETE CASCADE,
  CONSTRAINT job_event_pkey PRIMARY KEY (id)
);

CREATE TABLE job_file (
  job_id uuid NOT NULL,
  role text NOT NULL,
  number integer NOT NULL,
  copy integer NOT NULL,
  part integer NOT NULL,
  bytes bytea NOT NULL,
  CONSTRAINT job_file_job FOREIGN KEY (job_id) REFERENCES job(id) ON DELETE CASCADE,
  CONSTRAINT job_file_numbers CHECK (((number >= 0) AND (copy >= 0) AND (part >= 0))),
  CONSTRAINT job_file_pkey PRIMARY KEY (job_id, role, number, copy, part),
  CONSTRAINT job_file_role_known CHECK ((role = ANY (ARRAY['input'::text, 'result'::text])))
);

CREATE TABLE job_webhook (
  job_id uuid NOT NULL,
  url text NOT NULL,
  state text NOT NULL,
  body text,
  tries integer NOT NULL DEFAULT 0,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  due_at timestamp with time zone DEFAULT now(),
  lease_until timestamp with time zone,
  last_status integer,
  last_error text NOT NULL DEFAULT ''::text,
  ended_at timestamp with time zone,
  delivered boolean NOT NULL DEFAULT false,
  CONSTRAINT job_webhook_ended CHECK (((due_at IS NULL) = (ended_at IS NOT NULL))),
  CONSTRAINT job_webhook_pkey PRIMARY KEY (job_id),
  CONSTRAINT job_webhook_state_known CHECK ((state = ANY (ARRAY['succeeded'::text, 'failed'::text, 'cancelled'::text]))),
  CONSTRAINT job_webhook_tries CHECK ((tries >= 0))
);

CREATE TABLE job_worker (
  worker_id uuid NOT NULL,
  busy_in_row integer NOT NULL DEFAULT 0,
  faults_in_row integer NOT NULL DEFAULT 0,
  failures_in_row integer NOT NULL DEFAULT 0,
  paused_until timestamp with time zone,
  pause_reason text NOT NULL DEFAULT ''::text,
  last_failure text NOT NULL DEFAULT ''::text,
  last_failure_at timestamp with time zone,
  CONSTRAINT job_worker_counts CHECK (((busy_in_row >= 0) AND (faults_in_row >= 0) AND (failures_in_row >= 0))),
  CONSTRAINT job_worker_pkey PRIMARY KEY (worker_id),
  CONSTRAINT job_worker_worker FOREIGN KEY (worker_id) REFERENCES worker(id) ON DELETE CASCADE
);

CREATE TABLE migration (
  id integer NOT NULL DEFAULT nextval('migration_id_seq'::regclass),
  "timestamp" bigint NOT NULL,
  name character varying NOT NULL,
  ran_at timestamp with time zone DEFAULT clock_timestamp(),
  CONSTRAINT "PK_3043fc6b8af7c99b8b98830094f" PRIMARY KEY (id)
);

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
  version text NOT NULL DEFAULT ''::text,
  settings json,
  draining json,
  CONSTRAINT replica_pkey PRIMARY KEY (id)
) WITH (fillfactor=70);

CREATE TABLE replica_fault (
  worker_id uuid NOT NULL,
  replica_id uuid NOT NULL,
  generation integer NOT NULL,
  reason text NOT NULL,
  since timestamp with time zone NOT NULL DEFAULT now(),
  CONSTRAINT replica_fault_pkey PRIMARY KEY (worker_id, replica_id),
  CONSTRAINT replica_fault_replica FOREIGN KEY (replica_id) REFERENCES replica(id) ON DELETE CASCADE,
  CONSTRAINT replica_fault_worker FOREIGN KEY (worker_id) REFERENCES worker(id) ON DELETE CASCADE
);

CREATE TABLE signing_key (
  name text NOT NULL,
  secret bytea NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  CONSTRAINT signing_key_length CHECK ((octet_length(secret) = 32)),
  CONSTRAINT signing_key_pkey PRIMARY KEY (name)
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
  poll json,
  choices json,
  CONSTRAINT worker_admin_state_known CHECK ((admin_state = ANY (ARRAY['enabled'::text, 'disabled'::text, 'draining'::text, 'offline'::text]))),
  CONSTRAINT worker_body_format_known_2 CHECK ((body_format = ANY (ARRAY['json'::text, 'form'::text, 'multipart'::text]))),
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
  CONSTRAINT worker_event_kind_known_2 CHECK ((kind = ANY (ARRAY['registered'::text, 'changed'::text, 'enabled'::text, 'disabled'::text, 'draining'::text, 'offline'::text, 'healthy'::text, 'suspect'::text, 'unhealthy'::text, 'warming'::text, 'unknown'::text, 'recovered'::text, 'deleted'::text, 'ejected'::text, 'failing'::text, 'serving'::text]))),
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
) WITH (fillfactor=70, autovacuum_vacuum_scale_factor=0.05);

CREATE TABLE worker_slot (
  worker_id uuid NOT NULL,
  slot integer NOT NULL,
  replica_id uuid NOT NULL,
  lease_until timestamp with time zone NOT NULL,
  CONSTRAINT worker_slot_number CHECK ((slot >= 0)),
  CONSTRAINT worker_slot_pkey PRIMARY KEY (worker_id, slot),
  CONSTRAINT worker_slot_replica FOREIGN KEY (replica_id) REFERENCES replica(id) ON DELETE CASCADE,
  CONSTRAINT worker_slot_worker FOREIGN KEY (worker_id) REFERENCES worker(id) ON DELETE CASCADE
) WITH (fillfactor=70);

CREATE TABLE worker_slot_wish (
  worker_id uuid NOT NULL,
  replica_id uuid NOT NULL,
  wished_until timestamp with time zone NOT NULL,
  CONSTRAINT worker_slot_wish_pkey PRIMARY KEY (worker_id, replica_id),
  CONSTRAINT worker_slot_wish_replica FOREIGN KEY (replica_id) REFERENCES replica(id) ON DELETE CASCADE,
  CONSTRAINT worker_slot_wish_worker FOREIGN KEY (worker_id) REFERENCES worker(id) ON DELETE CASCADE
) WITH (fillfactor=70);

CREATE TABLE worker_trouble (
  worker_id uuid NOT NULL,
  replica_id uuid NOT NULL,
  generation integer NOT NULL,
  state text NOT NULL,
  cause text NOT NULL DEFAULT ''::text,
  since timestamp with time zone NOT NULL,
  until timestamp with time zone,
  failures integer NOT NULL DEFAULT 0,
  last_error text NOT NULL DEFAULT ''::text,
  last_error_at timestamp with time zone,
  CONSTRAINT worker_trouble_pkey PRIMARY KEY (worker_id, replica_id),
  CONSTRAINT worker_trouble_replica FOREIGN KEY (replica_id) REFERENCES replica(id) ON DELETE CASCADE,
  CONSTRAINT worker_trouble_state_known CHECK ((state = ANY (ARRAY['ejected'::text, 'failing'::text]))),
  CONSTRAINT worker_trouble_worker FOREIGN KEY (worker_id) REFERENCES worker(id) ON DELETE CASCADE
);


ALTER TABLE job_file ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE INDEX job_active_of_worker ON public.job USING btree (worker_id) WHERE (state = ANY (ARRAY['submitting'::text, 'unknown'::text, 'running'::text, 'cancelling'::text]));
CREATE INDEX job_due ON public.job USING btree (due_at) WHERE (state = ANY (ARRAY['running'::text, 'unknown'::text, 'cancelling'::text]));
CREATE INDEX job_ended ON public.job USING btree (ended_at) WHERE (ended_at IS NOT NULL);
CREATE INDEX job_event_of_job ON public.job_event USING btree (job_id, id);
CREATE UNIQUE INDEX job_idempotency ON public.job USING btree (owner_key, idempotency_key) WHERE (idempotency_key IS NOT NULL);
CREATE INDEX job_of_owner ON public.job USING btree (owner_key, created_at, id);
CREATE INDEX job_queued ON public.job USING btree (model_name, owner_key, created_at) WHERE (state = 'queued'::text);
CREATE INDEX job_submitting ON public.job USING btree (id) WHERE (state = 'submitting'::text);
CREATE INDEX job_webhook_done ON public.job_webhook USING btree (ended_at) WHERE (ended_at IS NOT NULL);
CREATE INDEX job_webhook_due ON public.job_webhook USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX replica_fault_of_replica ON public.replica_fault USING btree (replica_id);
CREATE INDEX worker_event_at ON public.worker_event USING btree (at);
CREATE INDEX worker_event_of_worker ON public.worker_event USING btree (worker_id, id);
CREATE UNIQUE INDEX worker_natural_key ON public.worker USING btree (model_name, sha256((replace(req_url_template, '\'::text, '\\'::text))::bytea), name);
CREATE INDEX worker_slot_of_replica ON public.worker_slot USING btree (replica_id);
CREATE INDEX worker_slot_wish_of_replica ON public.worker_slot_wish USING btree (replica_id);
CREATE INDEX worker_trouble_of_replica ON public.worker_trouble USING btree (replica_id);

CREATE VIEW job_overview AS
 WITH active AS MATERIALIZED (
         SELECT job.worker_id,
            count(*) AS jobs
           FROM job
          WHERE job.state = ANY (ARRAY['submitting'::text, 'unknown'::text, 'running'::text, 'cancelling'::text])
          GROUP BY job.worker_id
        )
 SELECT j.id,
    j.model_name,
    j.kind,
    j.owner_key,
    j.state,
    date_trunc('second'::text, now() - j.state_since) AS state_for,
    date_trunc('second'::text, COALESCE(j.ended_at, now()) - j.created_at) AS age,
        CASE
            WHEN j.state = ANY (ARRAY['failed'::text, 'cancelled'::text]) THEN (j.error_code || ': '::text) || COALESCE(j.error, ''::text)
            WHEN j.state = 'succeeded'::text THEN ''::text
            WHEN j.state = 'queued'::text AND j.due_at > now() THEN ('waits until '::text || date_trunc('second'::text, j.due_at)) || COALESCE(': '::text || NULLIF(j.note, ''::text), ''::text)
            WHEN j.state = 'queued'::text AND j.mode = 'poll'::text THEN COALESCE(wait.reason, 'no worker has this model'::text) || COALESCE('; '::text || NULLIF(j.note, ''::text), ''::text)
            WHEN j.state <> 'queued'::text AND j.mode = 'poll'::text AND j.worker_id IS NULL THEN 'its worker was deleted'::text
            WHEN j.state = 'submitting'::text AND j.lease_until < now() THEN 'its replica is gone'::text
            WHEN (j.state = ANY (ARRAY['running'::text, 'unknown'::text, 'cancelling'::text])) AND j.due_at < (now() - '00:00:30'::interval) AND (j.lease_until IS NULL OR j.lease_until < now()) THEN 'no replica looks at it'::text
            ELSE j.note
        END AS why,
    w.name AS worker_name,
    w.req_url_template AS worker_url,
    w.admin_state AS worker_state,
    w.health AS worker_health,
    j.worker_id,
    j.upstream_word,
    j.progress,
    j.queue_position,
    j.submits,
    j.looks,
    j.created_at,
    j.submitted_at,
    j.ended_at,
    j.due_at,
    j.deadline_at,
    j.expires_at,
    r.host AS lease_host,
    j.lease_until,
    j.cancel_wanted,
    j.removed_at,
    j.request_id
   FROM job j
     LEFT JOIN worker w ON w.id = j.worker_id
     LEFT JOIN replica r ON r.id = j.lease_owner
     LEFT JOIN LATERAL ( SELECT string_agg(reasons.text, ', '::text ORDER BY reasons.text) AS reason
           FROM ( SELECT (count(*) || ' '::text) || each.what AS text
                   FROM ( SELECT
                                CASE
                                    WHEN m.id = ANY (j.unable) THEN 'cannot express it'::text
                                    WHEN m.admin_state <> 'enabled'::text THEN m.admin_state
                                    WHEN m.health = 'unhealthy'::text THEN 'unhealthy'::text
                                    WHEN p.paused_until > now() THEN ((('paused until '::text || date_trunc('second'::text, p.paused_until)) || ' ('::text) || p.pause_reason) || ')'::text
                                    WHEN a.jobs >= m.max_concurrency THEN 'full'::text
                                    WHEN p.failures_in_row >= 5 OR p.faults_in_row >= 3 THEN 'failing: one job at a time'::text
                                    ELSE 'about to take one'::text
                                END AS what
                           FROM worker m
                             LEFT JOIN job_worker p ON p.worker_id = m.id
                             LEFT JOIN active a ON a.worker_id = m.id
                          WHERE m.model_name = j.model_name) each
                  GROUP BY each.what) reasons) wait ON j.state = 'queued'::text AND j.mode = 'poll'::text;
CREATE VIEW model_overview AS
 WITH trouble AS (
         SELECT t.worker_id,
            min(t.since) AS since,
            (array_agg(t.last_error ORDER BY t.last_error_at DESC NULLS LAST))[1] AS last_error
           FROM worker_trouble t
             JOIN replica r ON r.id = t.replica_id AND r.seen_at > (now() - '00:01:00'::interval)
             JOIN worker w ON w.id = t.worker_id AND w.generation = t.generation
          GROUP BY t.worker_id
        ), each AS (
         SELECT w.model_name,
            w.admin_state,
            w.health,
            w.max_concurrency,
                CASE
                    WHEN w.admin_state <> 'enabled'::text THEN 'off'::text
                    WHEN w.health = 'unhealthy'::text THEN 'unhealthy'::text
                    WHEN t.worker_id IS NOT NULL THEN 'failing'::text
                    ELSE 'usable'::text
                END AS state,
                CASE
                    WHEN w.admin_state <> 'enabled'::text THEN w.admin_state_since
                    WHEN w.health = 'unhealthy'::text THEN w.health_since
                    ELSE t.since
                END AS since,
                CASE
                    WHEN w.admin_state <> 'enabled'::text THEN w.admin_state
                    WHEN w.health = 'unhealthy'::text THEN w.health_reason
                    ELSE t.last_error
                END AS reason
           FROM worker w
             LEFT JOIN trouble t ON t.worker_id = w.id
        ), counted AS (
         SELECT each.model_name,
            count(*) AS workers,
            count(*) FILTER (WHERE each.state <> 'off'::text) AS enabled,
            count(*) FILTER (WHERE each.state = 'usable'::text) AS usable,
            count(*) FILTER (WHERE each.state = 'failing'::text) AS failing,
            count(*) FILTER (WHERE each.state = 'unhealthy'::text) AS unhealthy,
            count(*) FILTER (WHERE each.state <> 'off'::text AND each.health = 'healthy'::text) AS healthy,
            count(*) FILTER (WHERE each.state <> 'off'::text AND each.health = 'suspect'::text) AS suspect,
            count(*) FILTER (WHERE each.state <> 'off'::text AND each.health = 'warming'::text) AS warming,
            count(*) FILTER (WHERE each.state <> 'off'::text AND each.health = 'unknown'::text) AS unknown,
            count(*) FILTER (WHERE each.admin_state = 'disabled'::text) AS disabled,
            count(*) FILTER (WHERE each.admin_state = 'draining'::text) AS draining,
            count(*) FILTER (WHERE each.admin_state = 'offline'::text) AS offline,
            COALESCE(sum(each.max_concurrency) FILTER (WHERE each.state = 'usable'::text), 0::bigint) AS capacity,
            min(each.since) FILTER (WHERE each.state <> ALL (ARRAY['usable'::text, 'off'::text])) AS first_lost,
            max(each.since) FILTER (WHERE each.state <> 'usable'::text) AS last_lost,
            (array_agg(each.reason ORDER BY each.since DESC NULLS LAST) FILTER (WHERE each.state <> ALL (ARRAY['usable'::text, 'off'::text])))[1] AS reason
           FROM each
          GROUP BY each.model_name
        )
 SELECT COALESCE(c.model_name, m.name) AS model_name,
        CASE
            WHEN c.workers IS NULL THEN 'no workers'::text
            WHEN c.enabled = 0 THEN 'off'::text
            WHEN c.usable = c.enabled THEN 'ok'::text
            WHEN c.usable > 0 THEN 'degraded'::text
            WHEN c.failing > 0 THEN 'failing'::text
            ELSE 'down'::text
        END AS state,
        CASE
            WHEN c.usable = 0 THEN c.last_lost
            ELSE c.first_lost
        END AS state_since,
    c.reason AS why,
    COALESCE(c.workers, 0::bigint) AS workers,
    COALESCE(c.enabled, 0::bigint) AS enabled,
    COALESCE(c.usable, 0::bigint) AS usable,
    COALESCE(c.failing, 0::bigint) AS failing,
    COALESCE(c.unhealthy, 0::bigint) AS unhealthy,
    COALESCE(c.healthy, 0::bigint) AS healthy,
    COALESCE(c.suspect, 0::bigint) AS suspect,
    COALESCE(c.warming, 0::bigint) AS warming,
    COALESCE(c.unknown, 0::bigint) AS unknown,
    COALESCE(c.disabled, 0::bigint) AS disabled,
    COALESCE(c.draining, 0::bigint) AS draining,
    COALESCE(c.offline, 0::bigint) AS offline,
    COALESCE(c.capacity, 0::bigint) AS capacity,
    m.name IS NOT NULL AS has_policy,
    m.strategy,
    m.fallbacks,
    m.retries,
    m.retry_on,
    m.queue_max,
    m.queue_wait_ms,
    m.connect_ms,
    m.first_byte_ms,
    m.idle_ms,
    m.total_ms,
    m.updated_at AS policy_updated_at,
    m.updated_by AS policy_updated_by
   FROM counted c
     FULL JOIN model m ON m.name = c.model_name
  ORDER BY (COALESCE(c.model_name, m.name));
CREATE VIEW replica_overview AS
 WITH live AS (
         SELECT replica.id,
            replica.settings
           FROM replica
          WHERE replica.seen_at > (now() - '00:00:15'::interval) AND json_typeof(replica.settings) = 'object'::text
        ), differing AS (
         SELECT r_1.id,
            s.key AS name,
            count(*) FILTER (WHERE (o.settings ->> s.key) <> s.value) AS others,
            count(*) AS compared
           FROM live r_1
             CROSS JOIN LATERAL json_each_text(r_1.settings) s(key, value)
             JOIN live o ON o.id <> r_1.id
          GROUP BY r_1.id, s.key
        )
 SELECT id,
    "left"(id::text, 8) AS short_id,
    host,
    version,
    started_at,
    seen_at,
    seen_at > (now() - '00:00:15'::interval) AS alive,
    draining IS NOT NULL AS draining,
        CASE
            WHEN draining IS NOT NULL THEN ( SELECT COALESCE(sum(json_each_text.value::integer), 0::bigint) AS "coalesce"
               FROM json_each_text(r.draining) json_each_text(key, value))
            ELSE NULL::bigint
        END AS still_running,
    ( SELECT string_agg(format('%s (unlike %s of %s others)'::text, d.name, d.others, d.compared), ', '::text ORDER BY d.name) AS string_agg
           FROM differing d
          WHERE d.id = r.id AND d.others > 0) AS differs_in,
    ( SELECT count(*) AS count
           FROM replica_fault f
             JOIN worker w ON w.id = f.worker_id AND w.generation = f.generation
          WHERE f.replica_id = r.id) AS uncallable,
    ( SELECT count(*) AS count
           FROM worker_trouble t
             JOIN worker w ON w.id = t.worker_id AND w.generation = t.generation
          WHERE t.replica_id = r.id AND t.state = 'ejected'::text) AS ejected,
    ( SELECT count(*) AS count
           FROM worker_trouble t
             JOIN worker w ON w.id = t.worker_id AND w.generation = t.generation
          WHERE t.replica_id = r.id AND t.state = 'failing'::text) AS failing,
    ( SELECT count(*) AS count
           FROM worker_slot s
          WHERE s.replica_id = r.id AND s.lease_until > now()) AS slots,
    ( SELECT count(*) AS count
           FROM worker_probe p
          WHERE p.lease_owner = r.id::text AND p.lease_until > now()) AS probes,
    ( SELECT count(*) AS count
           FROM job j
          WHERE j.lease_owner = r.id AND j.lease_until > now()) AS jobs,
    ( SELECT count(*) AS count
           FROM pg_stat_activity a
          WHERE a.datname = current_database() AND starts_with(a.application_name, ('mmm '::text || "left"(r.id::text, 8)) || ' '::text)) AS connections
   FROM replica r
  ORDER BY started_at, id;
CREATE VIEW worker_outage AS
 WITH step AS (
         SELECT e.worker_id,
            e.id,
            e.at,
            e.kind,
            e.detail,
            e.actor,
            e.model_name,
            e.req_url_template,
            t_1.by_what,
            t_1.is_out
           FROM worker_event e
             CROSS JOIN LATERAL ( VALUES ('health'::text,
                        CASE
                            WHEN e.kind = 'unhealthy'::text THEN true
                            WHEN e.kind = ANY (ARRAY['healthy'::text, 'suspect'::text, 'warming'::text, 'unknown'::text, 'recovered'::text, 'deleted'::text]) THEN false
                            ELSE NULL::boolean
                        END), ('admin_state'::text,
                        CASE
                            WHEN e.kind = ANY (ARRAY['disabled'::text, 'draining'::text, 'offline'::text]) THEN true
                            WHEN e.kind = ANY (ARRAY['registered'::text, 'enabled'::text, 'deleted'::text]) THEN false
                            ELSE NULL::boolean
                        END)) t_1(by_what, is_out)
          WHERE t_1.is_out IS NOT NULL
        UNION ALL
         SELECT worker.id,
            '9223372036854775807'::bigint,
            worker.health_since,
            'unhealthy'::text,
            worker.health_reason,
            ''::text,
            worker.model_name,
            worker.req_url_template,
            'health'::text,
            true
           FROM worker
          WHERE worker.health = 'unhealthy'::text
        UNION ALL
         SELECT worker.id,
            '9223372036854775807'::bigint,
            worker.admin_state_since,
            worker.admin_state,
            ''::text,
            worker.admin_state_by,
            worker.model_name,
            worker.req_url_template,
            'admin_state'::text,
            true
           FROM worker
          WHERE worker.admin_state <> 'enabled'::text
        ), compared AS (
         SELECT step.worker_id,
            step.id,
            step.at,
            step.kind,
            step.detail,
            step.actor,
            step.model_name,
            step.req_url_template,
            step.by_what,
            step.is_out,
            lag(step.is_out, 1, false) OVER (PARTITION BY step.worker_id, step.by_what ORDER BY step.id) AS was_out
           FROM step
        ), turn AS (
         SELECT compared.worker_id,
            compared.id,
            compared.at,
            compared.kind,
            compared.detail,
            compared.actor,
            compared.model_name,
            compared.req_url_template,
            compared.by_what,
            compared.is_out,
            compared.was_out,
            lead(compared.at) OVER next AS ended_at,
            lead(compared.kind) OVER next AS ended_with,
            lead(compared.actor) OVER next AS ended_by
           FROM compared
          WHERE compared.is_out <> compared.was_out
          WINDOW next AS (PARTITION BY compared.worker_id, compared.by_what ORDER BY compared.id)
        )
 SELECT t.model_name,
    w.name AS worker_name,
    split_part(t.req_url_template, '?'::text, 1) AS url,
    t.worker_id,
    t.by_what,
    t.at AS began_at,
    t.ended_at,
    COALESCE(t.ended_at, now()) - t.at AS lasted,
        CASE t.by_what
            WHEN 'health'::text THEN t.detail
            ELSE t.kind
        END AS cause,
    t.actor AS began_by,
    t.ended_with,
    t.ended_by
   FROM turn t
     LEFT JOIN worker w ON w.id = t.worker_id
  WHERE t.is_out;
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
    p.heartbeat_at,
    ( SELECT string_agg((((((t.state || ' since '::text) || to_char(t.since, 'YYYY-MM-DD HH24:MI:SS'::text)) || ' on '::text) || r.host) || COALESCE(': '::text || NULLIF(t.cause, ''::text), ''::text)) || COALESCE(': '::text || NULLIF(t.last_error, ''::text), ''::text), '; '::text ORDER BY t.since) AS string_agg
           FROM worker_trouble t
             JOIN replica r ON r.id = t.replica_id AND r.seen_at > (now() - '00:01:00'::interval)
          WHERE t.worker_id = w.id AND t.generation = w.generation) AS requests,
    w.health_since,
    w.admin_state_since,
    w.admin_state_by
   FROM worker w
     LEFT JOIN worker_probe p ON p.worker_id = w.id
  ORDER BY w.model_name, w.created_at, w.id;

CREATE OR REPLACE FUNCTION public.job_before()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public'
AS $function$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF OLD.ended_at IS NOT NULL AND NEW.state <> OLD.state THEN
      RAISE EXCEPTION 'job % has ended as %: its state cannot change', OLD.id, OLD.state USING ERRCODE = 'check_violation';
    END IF;
    NEW.version := OLD.version + 1;
    IF NEW.cancel_wanted AND NOT OLD.cancel_wanted THEN
      NEW.cancel_at := now();
    END IF;
  END IF;
  IF NEW.cancel_wanted AND NEW.ended_at IS NULL THEN
    IF NEW.state = 'queued' THEN
      NEW.state := 'cancelled';
      NEW.error_code := 'cancelled';
      NEW.error := 'the job was cancelled before it was submitted';
    ELSIF NEW.state = 'running' THEN
      NEW.state := 'cancelling';
      NEW.due_at := now();
    END IF;
  END IF;
  IF NEW.state IN ('succeeded', 'failed', 'cancelled') AND NEW.ended_at IS NULL THEN
    NEW.ended_at := now();
    NEW.lease_owner := NULL;
    NEW.lease_until := NULL;
    NEW.queue_position := NULL;
    IF NEW.state = 'succeeded' THEN
      NEW.progress := 100;
    END IF;
  END IF;
  IF TG_OP = 'UPDATE' AND NEW.state <> OLD.state THEN
    NEW.state_since := now();
  END IF;
  RETURN NEW;
END $function$
;
CREATE OR REPLACE FUNCTION public.job_follow()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public'
AS $function$
BEGIN
  INSERT INTO job_event (job_id, state, note, actor) VALUES (NEW.id, NEW.state, coalesce(NEW.error, NEW.note),
    coalesce(nullif(current_setting('mmm.actor', true), ''), session_user));
  IF TG_OP = 'INSERT' OR NEW.state <> OLD.state OR NEW.cancel_wanted <> OLD.cancel_wanted THEN
    PERFORM pg_notify('job_changed', TG_TABLE_SCHEMA || ' ' || NEW.id || ' ' || NEW.state);
  END IF;
  RETURN NULL;
END $function$
;
CREATE OR REPLACE FUNCTION public.job_report_end()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public'
AS $function$
BEGIN
  INSERT INTO job_webhook (job_id, url, state) VALUES (NEW.id, NEW.webhook_url, NEW.state) ON CONFLICT (job_id) DO NOTHING;
  RETURN NULL;
END $function$
;
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
 LANGUAGE sql
 STABLE
AS $function$SELECT array_remove(ARRAY[CASE WHEN before.model_name::text IS DISTINCT FROM after.model_name::text THEN 'model_name' END, CASE WHEN before.name::text IS DISTINCT FROM after.name::text THEN 'name' END, CASE WHEN before.req_url_template::text IS DISTINCT FROM after.req_url_template::text THEN 'req_url_template' END, CASE WHEN before.owner::text IS DISTINCT FROM after.owner::text THEN 'owner' END, CASE WHEN before.protocol::text IS DISTINCT FROM after.protocol::text THEN 'protocol' END, CASE WHEN before.task::text IS DISTINCT FROM after.task::text THEN 'task' END, CASE WHEN before.worker_type::text IS DISTINCT FROM after.worker_type::text THEN 'worker_type' END, CASE WHEN before.req_type::text IS DISTINCT FROM after.req_type::text THEN 'req_type' END, CASE WHEN before.body::text IS DISTINCT FROM after.body::text THEN 'body' END, CASE WHEN before.body_format::text IS DISTINCT FROM after.body_format::text THEN 'body_format' END, CASE WHEN before.req_param::text IS DISTINCT FROM after.req_param::text THEN 'req_param' END, CASE WHEN before.header::text IS DISTINCT FROM after.header::text THEN 'header' END, CASE WHEN before.sealed_header::text IS DISTINCT FROM after.sealed_header::text THEN 'sealed_header' END, CASE WHEN before.response_extract::text IS DISTINCT FROM after.response_extract::text THEN 'response_extract' END, CASE WHEN before.success_when::text IS DISTINCT FROM after.success_when::text THEN 'success_when' END, CASE WHEN before.is_stream::text IS DISTINCT FROM after.is_stream::text THEN 'is_stream' END, CASE WHEN before.defaults::text IS DISTINCT FROM after.defaults::text THEN 'defaults' END, CASE WHEN before.weight::text IS DISTINCT FROM after.weight::text THEN 'weight' END, CASE WHEN before.priority::text IS DISTINCT FROM after.priority::text THEN 'priority' END, CASE WHEN before.max_concurrency::text IS DISTINCT FROM after.max_concurrency::text THEN 'max_concurrency' END, CASE WHEN before.labels::text IS DISTINCT FROM after.labels::text THEN 'labels' END, CASE WHEN before.connect_ms::text IS DISTINCT FROM after.connect_ms::text THEN 'connect_ms' END, CASE WHEN before.first_byte_ms::text IS DISTINCT FROM after.first_byte_ms::text THEN 'first_byte_ms' END, CASE WHEN before.idle_ms::text IS DISTINCT FROM after.idle_ms::text THEN 'idle_ms' END, CASE WHEN before.total_ms::text IS DISTINCT FROM after.total_ms::text THEN 'total_ms' END, CASE WHEN before.on_disconnect::text IS DISTINCT FROM after.on_disconnect::text THEN 'on_disconnect' END, CASE WHEN before.health_check::text IS DISTINCT FROM after.health_check::text THEN 'health_check' END, CASE WHEN before.heartbeat_ttl_s::text IS DISTINCT FROM after.heartbeat_ttl_s::text THEN 'heartbeat_ttl_s' END, CASE WHEN before.upstream_model::text IS DISTINCT FROM after.upstream_model::text THEN 'upstream_model' END, CASE WHEN before.stream_extract::text IS DISTINCT FROM after.stream_extract::text THEN 'stream_extract' END, CASE WHEN before.usage_extract::text IS DISTINCT FROM after.usage_extract::text THEN 'usage_extract' END, CASE WHEN before.any_task::text IS DISTINCT FROM after.any_task::text THEN 'any_task' END, CASE WHEN before.poll::text IS DISTINCT FROM after.poll::text THEN 'poll' END, CASE WHEN before.choices::text IS DISTINCT FROM after.choices::text THEN 'choices' END], NULL)$function$
;
CREATE OR REPLACE FUNCTION public.worker_event_url()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public'
AS $function$
      BEGIN
        NEW.req_url_template := split_part(NEW.req_url_template, '?', 1);
        RETURN NEW;
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
CREATE OR REPLACE FUNCTION public.write_worker_changes()
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'public'
AS $function$
      BEGIN
        -- As text, not as JSON: its functions fail on U+0000 and lone surrogates, which a body may hold.
        EXECUTE (
          SELECT format('CREATE OR REPLACE FUNCTION worker_changes(before worker, after worker) RETURNS text[]
            LANGUAGE sql STABLE AS %L',
            'SELECT array_remove(ARRAY[' || string_agg(format(
              'CASE WHEN before.%1$I::text IS DISTINCT FROM after.%1$I::text THEN %1$L END', attname), ', ' ORDER BY attnum)
            || '], NULL)')
          FROM pg_attribute
          WHERE attrelid = 'worker'::regclass AND attnum > 0 AND NOT attisdropped
            AND attname NOT IN ('id', 'admin_state', 'admin_state_since', 'admin_state_by', 'health', 'health_reason', 'health_since',
              'generation', 'created_at', 'updated_at')
        );
      END $function$
;

CREATE TRIGGER job_before_insert BEFORE INSERT ON job FOR EACH ROW EXECUTE FUNCTION job_before();
CREATE TRIGGER job_before_update BEFORE UPDATE ON job FOR EACH ROW WHEN (old.state IS DISTINCT FROM new.state OR old.worker_id IS DISTINCT FROM new.worker_id OR old.upstream_word IS DISTINCT FROM new.upstream_word OR old.progress IS DISTINCT FROM new.progress OR old.queue_position IS DISTINCT FROM new.queue_position OR old.note IS DISTINCT FROM new.note OR old.error_code IS DISTINCT FROM new.error_code OR old.error IS DISTINCT FROM new.error OR old.cancel_wanted IS DISTINCT FROM new.cancel_wanted OR old.submitted_at IS DISTINCT FROM new.submitted_at OR old.expires_at IS DISTINCT FROM new.expires_at) EXECUTE FUNCTION job_before();
CREATE TRIGGER job_follow_insert AFTER INSERT ON job FOR EACH ROW EXECUTE FUNCTION job_follow();
CREATE TRIGGER job_follow_update AFTER UPDATE ON job FOR EACH ROW WHEN (old.state <> new.state OR old.note <> new.note OR old.cancel_wanted <> new.cancel_wanted) EXECUTE FUNCTION job_follow();
CREATE TRIGGER job_report_end AFTER UPDATE ON job FOR EACH ROW WHEN (old.ended_at IS NULL AND new.ended_at IS NOT NULL AND new.webhook_url IS NOT NULL) EXECUTE FUNCTION job_report_end();
CREATE TRIGGER model_follow BEFORE INSERT OR DELETE OR UPDATE ON model FOR EACH ROW EXECUTE FUNCTION model_follow();
CREATE TRIGGER worker_before_update BEFORE UPDATE ON worker FOR EACH ROW EXECUTE FUNCTION worker_before_update();
CREATE TRIGGER worker_follow AFTER INSERT OR DELETE OR UPDATE ON worker FOR EACH ROW EXECUTE FUNCTION worker_follow();
CREATE TRIGGER worker_record AFTER INSERT OR DELETE OR UPDATE ON worker FOR EACH ROW EXECUTE FUNCTION worker_record();
CREATE TRIGGER worker_event_url BEFORE INSERT ON worker_event FOR EACH ROW WHEN (POSITION(('?'::text) IN (new.req_url_template)) > 0) EXECUTE FUNCTION worker_event_url();

COMMENT ON TABLE job IS 'One piece of long work a row: a request that is submitted to a worker and polled, and whose result is fetched. Changes made here by hand take effect: cancel_wanted = true cancels, due_at = now() polls at once.';
COMMENT ON COLUMN job.id IS 'A UUID of version 7: ids rise with time.';
COMMENT ON COLUMN job.model_name IS 'The model that the client requested.';
COMMENT ON COLUMN job.worker_id IS 'The worker that has the job; null: none yet, or it was deleted.';
COMMENT ON COLUMN job.owner_key IS 'The key of the client; empty without keys.';
COMMENT ON COLUMN job.kind IS 'What is made: image, video, audio or text.';
COMMENT ON COLUMN job.mode IS 'poll: submitted, then polled. call: one call of a worker without poll gives the result.';
COMMENT ON COLUMN job.state IS 'queued, submitting, unknown (it is not known whether the submit arrived), running, cancelling, succeeded, failed or cancelled. An ended job never changes its state.';
COMMENT ON COLUMN job.state_since IS 'When state last changed.';
COMMENT ON COLUMN job.version IS 'Rises with every change that clients can see.';
COMMENT ON COLUMN job.upstream_word IS 'The state as the upstream names it.';
COMMENT ON COLUMN job.progress IS '0 to 100; never falls.';
COMMENT ON COLUMN job.queue_position IS 'In the upstream''s queue, where it is reported.';
COMMENT ON COLUMN job.note IS 'What is unusual at the moment, such as an upstream that does not answer.';
COMMENT ON COLUMN job.error_code IS 'Why it failed or was cancelled: a value of a fixed list.';
COMMENT ON COLUMN job.error IS 'The same in a sentence, with the upstream''s words.';
COMMENT ON COLUMN job.request IS 'What the client requested, prompts included: no role that only reads should see this column. Input files are in job_file.';
COMMENT ON COLUMN job.input_bytes IS 'Size of the input files in job_file.';
COMMENT ON COLUMN job.kept IS 'Values of the answer to the submit, such as the upstream''s id of the task.';
COMMENT ON COLUMN job.result IS 'The files of the result: URLs of the upstream, or parts in job_file.';
COMMENT ON COLUMN job.submits IS 'How often it was submitted. More than once only while the upstream had made nothing, or as poll.resubmit says.';
COMMENT ON COLUMN job.looks IS 'How often the upstream was polled for it.';
COMMENT ON COLUMN job.unable IS 'Workers whose template cannot express the request.';
COMMENT ON COLUMN job.tried IS 'Workers that did not take it; others are tried first.';
COMMENT ON COLUMN job.created_at IS 'When the client''s request was accepted.';
COMMENT ON COLUMN job.queue_until IS 'A job that is still queued then fails.';
COMMENT ON COLUMN job.submitted_at IS 'When it was last given to a worker.';
COMMENT ON COLUMN job.deadline_at IS 'A job that is still running then fails, after one more look.';
COMMENT ON COLUMN job.not_found_since IS 'Since when the upstream does not know the task.';
COMMENT ON COLUMN job.done_at IS 'When the upstream first reported that it is done; the result follows.';
COMMENT ON COLUMN job.cancel_at IS 'When cancel_wanted was set.';
COMMENT ON COLUMN job.ended_at IS 'When it succeeded, failed or was cancelled.';
COMMENT ON COLUMN job.expires_at IS 'When the upstream deletes the files of the result, where that is known.';
COMMENT ON COLUMN job.removed_at IS 'When its client deleted it: lists no longer show it, and the row is deleted once the job has ended.';
COMMENT ON COLUMN job.due_at IS 'When it is looked at next; of a queued job, when it may start.';
COMMENT ON COLUMN job.lease_owner IS 'The replica that acts on it now.';
COMMENT ON COLUMN job.lease_until IS 'Another replica takes over after that.';
COMMENT ON COLUMN job.fence IS 'Rises with every lease: the holder of an older one writes nothing.';
COMMENT ON COLUMN job.cancel_wanted IS 'Set it to cancel the job.';
COMMENT ON COLUMN job.idempotency_key IS 'The Idempotency-Key of the client''s request.';
COMMENT ON COLUMN job.request_hash IS 'SHA-256 of the client''s request, to recognize a repetition.';
COMMENT ON COLUMN job.request_id IS 'The id of the client''s request in the log.';
COMMENT ON COLUMN job.webhook_url IS 'Where its end is reported; null: nowhere.';
COMMENT ON TABLE job_event IS 'The history of jobs, written by a trigger; deleted with the job.';
COMMENT ON COLUMN job_event.id IS 'Rises with time.';
COMMENT ON COLUMN job_event.at IS 'When it happened.';
COMMENT ON COLUMN job_event.job_id IS 'The job.';
COMMENT ON COLUMN job_event.state IS 'The job''s state from then on.';
COMMENT ON COLUMN job_event.note IS 'The job''s note or error from then on.';
COMMENT ON COLUMN job_event.actor IS 'jobs, api, or the database user of a change by hand.';
COMMENT ON TABLE job_file IS 'Files of jobs in parts of 1 MiB: input files until the job is submitted, results until the job is deleted.';
COMMENT ON COLUMN job_file.job_id IS 'The job.';
COMMENT ON COLUMN job_file.role IS 'input or result.';
COMMENT ON COLUMN job_file.number IS 'Which file of the job, from 0.';
COMMENT ON COLUMN job_file.copy IS 'The fence of its writer: parts of two copies are never mixed.';
COMMENT ON COLUMN job_file.part IS 'Which part of the file, from 0.';
COMMENT ON COLUMN job_file.bytes IS 'The part.';
COMMENT ON VIEW job_overview IS 'Every job: what it waits for, for how long, at which worker, and why. Holds no prompts, so that a role that only reads may see it.';
COMMENT ON COLUMN job_overview.id IS 'job.id.';
COMMENT ON COLUMN job_overview.model_name IS 'The model that the client requested.';
COMMENT ON COLUMN job_overview.kind IS 'What is made: image, video, audio or text.';
COMMENT ON COLUMN job_overview.owner_key IS 'The key of the client; empty without keys.';
COMMENT ON COLUMN job_overview.state IS 'As in job.state.';
COMMENT ON COLUMN job_overview.state_for IS 'For how long.';
COMMENT ON COLUMN job_overview.age IS 'From its creation to its end, or until now.';
COMMENT ON COLUMN job_overview.why IS 'Why it failed, or what it waits for.';
COMMENT ON COLUMN job_overview.worker_name IS 'The name of its worker.';
COMMENT ON COLUMN job_overview.worker_url IS 'Where its worker is called.';
COMMENT ON COLUMN job_overview.worker_state IS 'The admin_state of its worker.';
COMMENT ON COLUMN job_overview.worker_health IS 'The health of its worker.';
COMMENT ON COLUMN job_overview.worker_id IS 'Its worker; null: none yet, or it was deleted.';
COMMENT ON COLUMN job_overview.upstream_word IS 'The state as the upstream names it.';
COMMENT ON COLUMN job_overview.progress IS '0 to 100.';
COMMENT ON COLUMN job_overview.queue_position IS 'In the upstream''s queue, where it is reported.';
COMMENT ON COLUMN job_overview.submits IS 'How often it was submitted.';
COMMENT ON COLUMN job_overview.looks IS 'How often the upstream was polled for it.';
COMMENT ON COLUMN job_overview.created_at IS 'When the client''s request was accepted.';
COMMENT ON COLUMN job_overview.submitted_at IS 'When it was last given to a worker.';
COMMENT ON COLUMN job_overview.ended_at IS 'When it ended; null: it has not.';
COMMENT ON COLUMN job_overview.due_at IS 'When it is looked at next; of a queued job, when it may start.';
COMMENT ON COLUMN job_overview.deadline_at IS 'A job that is still running then fails, after one more look.';
COMMENT ON COLUMN job_overview.expires_at IS 'When the upstream deletes the files of the result, where that is known.';
COMMENT ON COLUMN job_overview.lease_host IS 'The host of the replica that acts on it now.';
COMMENT ON COLUMN job_overview.lease_until IS 'Another replica takes over after that.';
COMMENT ON COLUMN job_overview.cancel_wanted IS 'Whether it was cancelled by its client or by hand.';
COMMENT ON COLUMN job_overview.removed_at IS 'When its client deleted it.';
COMMENT ON COLUMN job_overview.request_id IS 'The id of the client''s request in the log.';
COMMENT ON TABLE job_webhook IS 'Webhook calls for ended jobs, to the webhook_url that the client gave: one a job, tried up to six times.';
COMMENT ON COLUMN job_webhook.job_id IS 'The job; it may be deleted before its report is delivered.';
COMMENT ON COLUMN job_webhook.url IS 'Where it is sent.';
COMMENT ON COLUMN job_webhook.state IS 'How the job ended: succeeded, failed or cancelled.';
COMMENT ON COLUMN job_webhook.body IS 'What is sent, the same at each try; null before the first.';
COMMENT ON COLUMN job_webhook.tries IS 'How often it was sent.';
COMMENT ON COLUMN job_webhook.created_at IS 'When the job ended.';
COMMENT ON COLUMN job_webhook.due_at IS 'When it is sent next; null: no more. With ended_at null, setting it sends it again.';
COMMENT ON COLUMN job_webhook.lease_until IS 'A replica is sending it; another one may after this time.';
COMMENT ON COLUMN job_webhook.last_status IS 'The HTTP status of the last answer; null: none came.';
COMMENT ON COLUMN job_webhook.last_error IS 'Why the last try failed; empty: it did not.';
COMMENT ON COLUMN job_webhook.ended_at IS 'When it was delivered, or its last try failed.';
COMMENT ON COLUMN job_webhook.delivered IS 'The receiver answered with a status of 2xx.';
COMMENT ON TABLE job_worker IS 'What jobs have shown of a worker; no row: nothing bad. Deleting a row forgets it.';
COMMENT ON COLUMN job_worker.worker_id IS 'The worker.';
COMMENT ON COLUMN job_worker.busy_in_row IS 'Submits in a row that it refused as busy.';
COMMENT ON COLUMN job_worker.faults_in_row IS 'Jobs in a row that ended by the worker''s fault: task forgotten, too slow, out of reach.';
COMMENT ON COLUMN job_worker.failures_in_row IS 'Jobs in a row that failed, whatever the cause: from five on, one job at a time.';
COMMENT ON COLUMN job_worker.paused_until IS 'It gets no new jobs until then.';
COMMENT ON COLUMN job_worker.pause_reason IS 'Why it is paused: busy, unreachable or faults.';
COMMENT ON COLUMN job_worker.last_failure IS 'The error of the last job that failed there.';
COMMENT ON COLUMN job_worker.last_failure_at IS 'When that was.';
COMMENT ON TABLE migration IS 'The migrations that ran, files of migrations/. A row says that it ran: inserting one by hand keeps it from running.';
COMMENT ON COLUMN migration.id IS 'Rises in the order in which they ran.';
COMMENT ON COLUMN migration."timestamp" IS 'The stamp at the start of the file''s name.';
COMMENT ON COLUMN migration.name IS 'The rest of the file''s name, in one word, and the stamp.';
COMMENT ON COLUMN migration.ran_at IS 'When it ran; null: before this column was there.';
COMMENT ON TABLE model IS 'The policy for all workers of one model_name. Without a row, or with null, the settings decide.';
COMMENT ON COLUMN model.name IS 'The model_name. The row may exist before the first worker.';
COMMENT ON COLUMN model.strategy IS 'How its workers are picked; null: BALANCING_STRATEGY.';
COMMENT ON COLUMN model.fallbacks IS 'Models that are tried in this order when none of its workers can answer.';
COMMENT ON COLUMN model.retries IS 'Further workers that are tried after a failure, 0 to 10; null: BALANCING_RETRIES.';
COMMENT ON COLUMN model.retry_on IS 'Failures after which another worker is tried: connection, 429, 500, 502, 503, 504, timeout (of a stream that did not begin), credentials; null: all.';
COMMENT ON COLUMN model.queue_max IS 'Requests that may wait for the model on one replica; null: depends on max_concurrency of its workers.';
COMMENT ON COLUMN model.queue_wait_ms IS 'Milliseconds a request waits for a worker to become free; null: BALANCING_QUEUE_WAIT_MS.';
COMMENT ON COLUMN model.connect_ms IS 'Milliseconds to connect, for workers without a timeout of their own.';
COMMENT ON COLUMN model.first_byte_ms IS 'Milliseconds until a stream begins, for workers without a timeout of their own.';
COMMENT ON COLUMN model.idle_ms IS 'Milliseconds of silence within a stream, for workers without a timeout of their own.';
COMMENT ON COLUMN model.total_ms IS 'Milliseconds for a whole request: all attempts and fallbacks together.';
COMMENT ON COLUMN model.generation IS 'Rises with every change.';
COMMENT ON COLUMN model.created_at IS 'When the row was created.';
COMMENT ON COLUMN model.updated_at IS 'When it last changed.';
COMMENT ON COLUMN model.updated_by IS 'The actor that changed it last, as in worker_event.actor.';
COMMENT ON FUNCTION model_follow() IS 'Updates generation and updated_*, and notifies the replicas.';
COMMENT ON VIEW model_overview IS 'All models, also those that have only a policy: their workers by state, since when none is usable, the policy: SELECT * FROM model_overview;';
COMMENT ON COLUMN model_overview.model_name IS 'The model, from worker and from model.';
COMMENT ON COLUMN model_overview.state IS 'ok: every enabled worker is usable. degraded: some are. failing: none is, and requests still go to some. down: no enabled worker gets requests. off: none is enabled. no workers: there is only a policy.';
COMMENT ON COLUMN model_overview.state_since IS 'Degraded: since the first of its enabled workers was lost. Failing, down, off: since the last usable worker was lost. Else null.';
COMMENT ON COLUMN model_overview.why IS 'Why the enabled worker that was lost last is not usable: its health_reason, or the last error of its requests.';
COMMENT ON COLUMN model_overview.workers IS 'All its workers.';
COMMENT ON COLUMN model_overview.enabled IS 'Those that are enabled: usable, failing and unhealthy ones.';
COMMENT ON COLUMN model_overview.usable IS 'Enabled, not unhealthy, and without trouble at any live replica (worker_trouble).';
COMMENT ON COLUMN model_overview.failing IS 'Enabled and not unhealthy, but a live replica has ejected them or sees all their requests fail (worker_trouble).';
COMMENT ON COLUMN model_overview.unhealthy IS 'Enabled workers that probes show to be unhealthy.';
COMMENT ON COLUMN model_overview.healthy IS 'Enabled workers with this health.';
COMMENT ON COLUMN model_overview.suspect IS 'Enabled workers with this health.';
COMMENT ON COLUMN model_overview.warming IS 'Enabled workers with this health.';
COMMENT ON COLUMN model_overview.unknown IS 'Enabled workers with this health: not probed yet.';
COMMENT ON COLUMN model_overview.disabled IS 'Workers with this admin_state.';
COMMENT ON COLUMN model_overview.draining IS 'Workers with this admin_state.';
COMMENT ON COLUMN model_overview.offline IS 'Workers with this admin_state.';
COMMENT ON COLUMN model_overview.capacity IS 'Sum of max_concurrency of the usable workers.';
COMMENT ON COLUMN model_overview.has_policy IS 'Whether the table model has a row for it.';
COMMENT ON COLUMN model_overview.strategy IS 'Of the policy; null: BALANCING_STRATEGY.';
COMMENT ON COLUMN model_overview.fallbacks IS 'Of the policy: models that are tried after this one.';
COMMENT ON COLUMN model_overview.retries IS 'Of the policy; null: BALANCING_RETRIES.';
COMMENT ON COLUMN model_overview.retry_on IS 'Of the policy: which failures are retried; null: the default ones.';
COMMENT ON COLUMN model_overview.queue_max IS 'Of the policy: how many requests may wait; null: the default.';
COMMENT ON COLUMN model_overview.queue_wait_ms IS 'Of the policy: how long a request may wait; null: BALANCING_QUEUE_WAIT_MS.';
COMMENT ON COLUMN model_overview.connect_ms IS 'Of the policy; null: CONNECT_TIMEOUT_MS.';
COMMENT ON COLUMN model_overview.first_byte_ms IS 'Of the policy; null: FIRST_BYTE_TIMEOUT_MS.';
COMMENT ON COLUMN model_overview.idle_ms IS 'Of the policy; null: IDLE_TIMEOUT_MS.';
COMMENT ON COLUMN model_overview.total_ms IS 'Of the policy; null: REQUEST_TIMEOUT_MS.';
COMMENT ON COLUMN model_overview.policy_updated_at IS 'When the policy last changed.';
COMMENT ON COLUMN model_overview.policy_updated_by IS 'The actor of that change.';
COMMENT ON TABLE replica IS 'The running copies of the service. One whose seen_at is old is dead; its row is deleted later.';
COMMENT ON COLUMN replica.id IS 'A UUID that is made when the replica starts.';
COMMENT ON COLUMN replica.host IS 'The host or pod that it runs on.';
COMMENT ON COLUMN replica.started_at IS 'When it started.';
COMMENT ON COLUMN replica.seen_at IS 'Its last heartbeat.';
COMMENT ON COLUMN replica.drained IS 'The draining workers on which it has no requests left: worker id to admin_state_since, in milliseconds since 1970.';
COMMENT ON COLUMN replica.version IS 'The version of the service that it runs.';
COMMENT ON COLUMN replica.settings IS 'Hashes of the settings that must be the same on every replica, by name.';
COMMENT ON COLUMN replica.draining IS 'Set once it takes no new requests: how many still run there, by worker. The other replicas use the rest of each max_concurrency.';
COMMENT ON TABLE replica_fault IS 'Workers that a replica cannot call because of its own address rules, keys or secrets. It leaves their probes to the other replicas. Only a worker that no live replica can call becomes unhealthy.';
COMMENT ON COLUMN replica_fault.worker_id IS 'The worker.';
COMMENT ON COLUMN replica_fault.replica_id IS 'The replica that cannot call it.';
COMMENT ON COLUMN replica_fault.generation IS 'The definition that it cannot call; a row of another generation has no effect.';
COMMENT ON COLUMN replica_fault.reason IS 'Which setting is missing or forbids it.';
COMMENT ON COLUMN replica_fault.since IS 'Since when.';
COMMENT ON VIEW replica_overview IS 'The running copies of the service: version, whether they are alive, in what settings they differ, and what they hold: SELECT * FROM replica_overview;';
COMMENT ON COLUMN replica_overview.id IS 'replica.id, and the owner of its leases.';
COMMENT ON COLUMN replica_overview.short_id IS 'The beginning of its id, as in application_name: mmm <short_id> <what for> <host>.';
COMMENT ON COLUMN replica_overview.host IS 'The host it runs on; on Kubernetes, the pod.';
COMMENT ON COLUMN replica_overview.version IS 'The version of the service.';
COMMENT ON COLUMN replica_overview.started_at IS 'When it first reported.';
COMMENT ON COLUMN replica_overview.seen_at IS 'When it last reported; it does so every 5 s.';
COMMENT ON COLUMN replica_overview.alive IS 'It reported within the last 15 s. A replica that stops deletes its row; that of one that died is deleted after an hour.';
COMMENT ON COLUMN replica_overview.draining IS 'It stops, and takes no new requests.';
COMMENT ON COLUMN replica_overview.still_running IS 'While it drains: requests that still run there. Else null.';
COMMENT ON COLUMN replica_overview.differs_in IS 'Settings that must be the same everywhere and differ from those of other live replicas; null: none. The odd one differs from the most.';
COMMENT ON COLUMN replica_overview.uncallable IS 'Workers it cannot call because of its own settings (replica_fault).';
COMMENT ON COLUMN replica_overview.ejected IS 'Workers it sends nothing to for a while, after failures (worker_trouble).';
COMMENT ON COLUMN replica_overview.failing IS 'Workers of which all its latest requests failed (worker_trouble).';
COMMENT ON COLUMN replica_overview.slots IS 'Slots of workers with a small max_concurrency that it holds (worker_slot).';
COMMENT ON COLUMN replica_overview.probes IS 'Workers it is probing at this moment (worker_probe.lease_owner).';
COMMENT ON COLUMN replica_overview.jobs IS 'Jobs it acts on at this moment (job.lease_owner).';
COMMENT ON COLUMN replica_overview.connections IS 'Its connections to this database.';
COMMENT ON TABLE signing_key IS 'Keys that all replicas share. Deleting one makes a new one within a minute, and ends what the old one signed. No role that only reads should see this table.';
COMMENT ON COLUMN signing_key.name IS 'What it signs: file_links.';
COMMENT ON COLUMN signing_key.secret IS '32 random bytes.';
COMMENT ON COLUMN signing_key.created_at IS 'When it was made.';
COMMENT ON TABLE worker IS 'One inference endpoint a row: where it is, how it is called, whether it may be used. Every replica follows changes that are made here by hand.';
COMMENT ON COLUMN worker.id IS 'Made at the first registration; kept when the worker comes back from offline.';
COMMENT ON COLUMN worker.model_name IS 'The model that clients request. All workers with the same model_name serve it together.';
COMMENT ON COLUMN worker.name IS 'Distinguishes workers with the same model and URL, such as two accounts; usually empty.';
COMMENT ON COLUMN worker.req_url_template IS 'The URL that is called. Its path and query may hold placeholders such as {USER_PROMPT}.';
COMMENT ON COLUMN worker.owner IS 'The owner of the worker; a label without effect.';
COMMENT ON COLUMN worker.protocol IS 'How it is called. template: by body, req_param, header and response_extract. openai, anthropic, gemini: by that API, with req_url_template as its base URL.';
COMMENT ON COLUMN worker.task IS 'What it serves: chat, completion, embedding, image, video or audio.';
COMMENT ON COLUMN worker.worker_type IS 'REMOTE or LOCAL; a label without effect.';
COMMENT ON COLUMN worker.req_type IS 'The HTTP method: POST or GET.';
COMMENT ON COLUMN worker.body IS 'The request body with placeholders. json, not jsonb: key order and every character are kept.';
COMMENT ON COLUMN worker.body_format IS 'How the body is sent: json, form or multipart.';
COMMENT ON COLUMN worker.req_param IS 'Query parameters, with placeholders.';
COMMENT ON COLUMN worker.header IS 'Headers that hold no secret. Values that may be credentials are encrypted in sealed_header.';
COMMENT ON COLUMN worker.sealed_header IS 'Headers that may be credentials, encrypted with AES-256-GCM and bound to this id and the origin of the URL: in another row, or for another origin, they cannot be read.';
COMMENT ON COLUMN worker.response_extract IS 'The path of the text in the response, such as data.items[].answer; empty: the whole response.';
COMMENT ON COLUMN worker.success_when IS '{"path", "equals" or "in"}: an answer with another value is a failure, whatever its status.';
COMMENT ON COLUMN worker.is_stream IS 'Whether the worker answers in a stream.';
COMMENT ON COLUMN worker.defaults IS 'temperature, max_tokens and system_prompt for requests without them.';
COMMENT ON COLUMN worker.weight IS '1 to 1000. A worker with twice the weight gets twice the requests.';
COMMENT ON COLUMN worker.priority IS '0 to 1000. Workers with a higher number are used only if none with a lower number is available.';
COMMENT ON COLUMN worker.max_concurrency IS 'Concurrent requests, over all replicas.';
COMMENT ON COLUMN worker.labels IS 'Up to 32 labels: key to value.';
COMMENT ON COLUMN worker.connect_ms IS 'Milliseconds to connect; null: CONNECT_TIMEOUT_MS.';
COMMENT ON COLUMN worker.first_byte_ms IS 'Milliseconds until the answer begins; null: FIRST_BYTE_TIMEOUT_MS, for streams only.';
COMMENT ON COLUMN worker.idle_ms IS 'Milliseconds of silence within an answer; null: IDLE_TIMEOUT_MS, for streams only.';
COMMENT ON COLUMN worker.total_ms IS 'Milliseconds for the whole call; null: REQUEST_TIMEOUT_MS.';
COMMENT ON COLUMN worker.on_disconnect IS 'When the client disconnects: abort the call, or finish it.';
COMMENT ON COLUMN worker.health_check IS 'How it is probed; null: GET /health at its origin, where any status below 500 is a success.';
COMMENT ON COLUMN worker.admin_state IS 'Set by operators: enabled; draining (no new requests); disabled (no requests until it is enabled by hand); offline (removed, and kept for a while).';
COMMENT ON COLUMN worker.admin_state_since IS 'When admin_state last changed. On an enabled worker, set it to now() to end its ejections on all replicas.';
COMMENT ON COLUMN worker.admin_state_by IS 'The actor that changed admin_state last, as in worker_event.actor.';
COMMENT ON COLUMN worker.health IS 'Set by probes, heartbeats and requests: unknown, healthy, suspect, unhealthy or warming. An unhealthy worker gets no requests.';
COMMENT ON COLUMN worker.health_reason IS 'Why it has this health, in a sentence.';
COMMENT ON COLUMN worker.health_since IS 'When health last changed.';
COMMENT ON COLUMN worker.generation IS 'Rises with every change of the definition; results of probes of an older generation are discarded.';
COMMENT ON COLUMN worker.created_at IS 'When it was first registered.';
COMMENT ON COLUMN worker.updated_at IS 'When its definition or admin_state last changed.';
COMMENT ON COLUMN worker.heartbeat_ttl_s IS 'The worker sends a heartbeat at least every so many seconds. After three missed ones it is suspect, and offline if its probes fail too. null: it sends none.';
COMMENT ON COLUMN worker.upstream_model IS 'The upstream''s name of the model; null: the same name.';
COMMENT ON COLUMN worker.stream_extract IS 'How the events of a template worker''s stream are read: {"text", "format", "done", "finish_reason", "usage", "delta"}.';
COMMENT ON COLUMN worker.usage_extract IS 'The paths of the token counts in a whole answer: {"input", "output"}, written as response_extract is.';
COMMENT ON COLUMN worker.any_task IS 'The worker serves whatever its API offers, such as chat and embeddings: it was registered without a task and with protocol openai or anthropic. task has no meaning then.';
COMMENT ON COLUMN worker.poll IS 'Long work: how a task that a request submits is followed to its result (docs/long-work.md). Credentials of its steps stand in sealed_header and read <sealed> here. NULL: the answer is the result.';
COMMENT ON COLUMN worker.choices IS 'What the upstream takes for a placeholder: a list of values, or an object from the clients'' values to its own.';
COMMENT ON FUNCTION worker_before_update() IS 'Updates generation and the *_since columns with every change, also by hand.';
COMMENT ON FUNCTION worker_changes(before worker, after worker) IS 'The columns of a definition that differ between two versions of a row.';
COMMENT ON TABLE worker_event IS 'The history of workers, written by a trigger, so that it holds changes by hand, too. No foreign key: it outlives the worker.';
COMMENT ON COLUMN worker_event.id IS 'Rises with time.';
COMMENT ON COLUMN worker_event.at IS 'When it happened.';
COMMENT ON COLUMN worker_event.worker_id IS 'The worker, which may be deleted.';
COMMENT ON COLUMN worker_event.model_name IS 'Its model at that time.';
COMMENT ON COLUMN worker_event.req_url_template IS 'Its URL at that time, without the query.';
COMMENT ON COLUMN worker_event.kind IS 'registered, changed or deleted; or the new admin_state; or the new health (recovered: healthy again).';
COMMENT ON COLUMN worker_event.detail IS 'The columns that changed, or the reason of the new health; never a value that could be a secret.';
COMMENT ON COLUMN worker_event.actor IS 'The setting mmm.actor where the service sets it, else the database user.';
COMMENT ON COLUMN worker_event.generation IS 'The generation after the change.';
COMMENT ON FUNCTION worker_event_url() IS 'Removes the query of the URL, which may hold a key.';
COMMENT ON FUNCTION worker_follow() IS 'Keeps worker_probe in step with worker, and notifies the replicas of changes that they need.';
COMMENT ON VIEW worker_outage IS 'Outages of workers, from the history (kept for EVENT_RETENTION_DAYS) and the present: SELECT * FROM worker_outage WHERE began_at > now() - interval ''7 days'' ORDER BY lasted DESC; Ejections by requests are in worker_trouble and in the history.';
COMMENT ON COLUMN worker_outage.model_name IS 'Its model when the outage began.';
COMMENT ON COLUMN worker_outage.worker_name IS 'Its name; null: the worker was deleted.';
COMMENT ON COLUMN worker_outage.url IS 'Its URL when the outage began, without the query.';
COMMENT ON COLUMN worker_outage.worker_id IS 'The worker.';
COMMENT ON COLUMN worker_outage.by_what IS 'health: probes found it unhealthy. admin_state: it was disabled, drained or taken offline. A worker may be out by both at once.';
COMMENT ON COLUMN worker_outage.began_at IS 'When it was lost.';
COMMENT ON COLUMN worker_outage.ended_at IS 'When it came back or was deleted; null: it is still out.';
COMMENT ON COLUMN worker_outage.lasted IS 'From began_at to ended_at, or until now.';
COMMENT ON COLUMN worker_outage.cause IS 'Of health: what the probe saw. Of admin_state: the first state it was given.';
COMMENT ON COLUMN worker_outage.began_by IS 'The actor of the event that began it; empty: the event was purged.';
COMMENT ON COLUMN worker_outage.ended_with IS 'The kind of event that ended it.';
COMMENT ON COLUMN worker_outage.ended_by IS 'The actor of that event.';
COMMENT ON VIEW worker_overview IS 'All workers: their state, what the last probe saw, and what requests show: SELECT * FROM worker_overview;';
COMMENT ON COLUMN worker_overview.model_name IS 'Its model.';
COMMENT ON COLUMN worker_overview.name IS 'Its name; empty: it has none.';
COMMENT ON COLUMN worker_overview.req_url_template IS 'Where it is called.';
COMMENT ON COLUMN worker_overview.owner IS 'Its team or contact, as registered.';
COMMENT ON COLUMN worker_overview.admin_state IS 'What people want: enabled, disabled, draining or offline. Only an enabled worker gets requests.';
COMMENT ON COLUMN worker_overview.health IS 'What probes show: unknown, healthy, suspect, unhealthy or warming. An unhealthy worker gets no requests.';
COMMENT ON COLUMN worker_overview.health_reason IS 'Why it has this health.';
COMMENT ON COLUMN worker_overview.health_for IS 'For how long.';
COMMENT ON COLUMN worker_overview.last_probe_at IS 'When it was last probed.';
COMMENT ON COLUMN worker_overview.last_ok IS 'Whether that probe succeeded.';
COMMENT ON COLUMN worker_overview.last_detail IS 'What that probe saw.';
COMMENT ON COLUMN worker_overview.last_ms IS 'How long that probe took.';
COMMENT ON COLUMN worker_overview.next_probe_at IS 'When it is probed next.';
COMMENT ON COLUMN worker_overview.lease_owner IS 'The replica that is probing it now: replica.id.';
COMMENT ON COLUMN worker_overview.weight IS 'Its share of the requests, relative to others of its model.';
COMMENT ON COLUMN worker_overview.priority IS 'Its tier; the lowest number that has usable workers is used.';
COMMENT ON COLUMN worker_overview.max_concurrency IS 'How many requests may run on it at once, over all replicas.';
COMMENT ON COLUMN worker_overview.generation IS 'Rises with every change of its definition.';
COMMENT ON COLUMN worker_overview.id IS 'worker.id.';
COMMENT ON COLUMN worker_overview.last_served_at IS 'When a request last succeeded on it, to within 10 s.';
COMMENT ON COLUMN worker_overview.heartbeat_ttl_s IS 'How often it must renew its registration; null: never.';
COMMENT ON COLUMN worker_overview.heartbeat_at IS 'When it last did.';
COMMENT ON COLUMN worker_overview.requests IS 'What requests show, by replica (worker_trouble); null: nothing is wrong.';
COMMENT ON COLUMN worker_overview.health_since IS 'Since when it has this health.';
COMMENT ON COLUMN worker_overview.admin_state_since IS 'Since when it has this admin_state.';
COMMENT ON COLUMN worker_overview.admin_state_by IS 'The actor that set it; empty: it was registered so.';
COMMENT ON TABLE worker_probe IS 'The state of probing, one row a worker. Written often, and not announced to the replicas: a change of health is written to worker.health.';
COMMENT ON COLUMN worker_probe.worker_id IS 'The worker.';
COMMENT ON COLUMN worker_probe.generation IS 'The definition that is probed; results of another generation are discarded.';
COMMENT ON COLUMN worker_probe.next_probe_at IS 'When the next probe is due. Set it to now() to have the worker probed at once.';
COMMENT ON COLUMN worker_probe.lease_owner IS 'The replica that is probing it now: replica.id.';
COMMENT ON COLUMN worker_probe.lease_until IS 'Another replica may probe it after this time.';
COMMENT ON COLUMN worker_probe.last_probe_at IS 'When it was last probed.';
COMMENT ON COLUMN worker_probe.last_ok IS 'Whether that probe succeeded.';
COMMENT ON COLUMN worker_probe.last_detail IS 'The result of that probe, in a sentence.';
COMMENT ON COLUMN worker_probe.last_ms IS 'How long that probe took, in milliseconds.';
COMMENT ON COLUMN worker_probe.failures_in_row IS 'Failed probes since the last success.';
COMMENT ON COLUMN worker_probe.successes_in_row IS 'Successful probes since the last failure.';
COMMENT ON COLUMN worker_probe.heartbeat_at IS 'The last heartbeat; null: none yet.';
COMMENT ON COLUMN worker_probe.last_good_at IS 'The last successful probe; the time of the definition when there was none yet.';
COMMENT ON COLUMN worker_probe.last_served_at IS 'When a request last succeeded there, on any replica; written every few seconds at most.';
COMMENT ON COLUMN worker_probe.failing_since IS 'When the first of the failed probes in a row failed; counts only while failures_in_row is above 0.';
COMMENT ON COLUMN worker_probe.unreachable_in_row IS 'Failed probes in a row that were refused, reset or got no connection; at most failures_in_row.';
COMMENT ON FUNCTION worker_record() IS 'Writes worker_event.';
COMMENT ON TABLE worker_slot IS 'For workers whose max_concurrency is below the number of replicas: one row for each request that may run, with the replica that may run it.';
COMMENT ON COLUMN worker_slot.worker_id IS 'The worker.';
COMMENT ON COLUMN worker_slot.slot IS 'From 0 to max_concurrency - 1.';
COMMENT ON COLUMN worker_slot.replica_id IS 'The replica that may have one request on the worker.';
COMMENT ON COLUMN worker_slot.lease_until IS 'Another replica may take the slot after this time.';
COMMENT ON TABLE worker_slot_wish IS 'Replicas with requests that wait for a slot. The replica that holds a slot releases it after the request that runs in it.';
COMMENT ON COLUMN worker_slot_wish.worker_id IS 'The worker.';
COMMENT ON COLUMN worker_slot_wish.replica_id IS 'The replica whose requests wait.';
COMMENT ON COLUMN worker_slot_wish.wished_until IS 'The row has no effect after this time.';
COMMENT ON TABLE worker_trouble IS 'What requests show of workers, a row for each replica that sees it; no row: nothing is wrong. Health is what probes show.';
COMMENT ON COLUMN worker_trouble.worker_id IS 'The worker.';
COMMENT ON COLUMN worker_trouble.replica_id IS 'The replica whose requests show it.';
COMMENT ON COLUMN worker_trouble.generation IS 'The definition that was called.';
COMMENT ON COLUMN worker_trouble.state IS 'ejected: this replica sends it no requests for a while. failing: its last requests all failed, and it is still in use.';
COMMENT ON COLUMN worker_trouble.cause IS 'Why it is ejected.';
COMMENT ON COLUMN worker_trouble.since IS 'Since when.';
COMMENT ON COLUMN worker_trouble.until IS 'When an ejected worker is tested again.';
COMMENT ON COLUMN worker_trouble.failures IS 'Failed requests in a row.';
COMMENT ON COLUMN worker_trouble.last_error IS 'The error of the last one.';
COMMENT ON COLUMN worker_trouble.last_error_at IS 'When that was.';
COMMENT ON FUNCTION write_worker_changes() IS 'Writes worker_changes() for the columns that worker has now. Called by migrations that add or drop one.';
