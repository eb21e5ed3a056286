-- The schema after all migrations, from the catalogue. Written by: npm run schema:write

CREATE TABLE api_key (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  name text NOT NULL,
  prefix text NOT NULL DEFAULT ''::text,
  hash bytea NOT NULL,
  old_hash bytea,
  old_hash_until timestamp with time zone,
  role text NOT NULL,
  team text,
  models text[],
  labels jsonb NOT NULL DEFAULT '{}'::jsonb,
  requests_per_minute bigint,
  tokens_per_minute bigint,
  max_concurrent integer,
  tokens_per_month bigint,
  cost_per_month numeric,
  expires_at timestamp with time zone,
  disabled_at timestamp with time zone,
  disabled_reason text,
  revoked_at timestamp with time zone,
  generation integer NOT NULL DEFAULT 1,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  created_by text NOT NULL DEFAULT ''::text,
  updated_at timestamp with time zone NOT NULL DEFAULT now(),
  updated_by text NOT NULL DEFAULT ''::text,
  cost_currency text,
  priority text,
  may_act_for text[],
  CONSTRAINT api_key_cost_currency CHECK ((cost_currency ~ '^[A-Z]{3}$'::text)),
  CONSTRAINT api_key_hash_length CHECK (((octet_length(hash) = 32) AND (octet_length(old_hash) = 32))),
  CONSTRAINT api_key_labels_object CHECK ((jsonb_typeof(labels) = 'object'::text)),
  CONSTRAINT api_key_limits_positive CHECK (((requests_per_minute > 0) AND (tokens_per_minute > 0) AND (max_concurrent > 0) AND (tokens_per_month > 0) AND (cost_per_month > (0)::numeric))),
  CONSTRAINT api_key_may_act_for_named CHECK (((array_position(may_act_for, NULL::text) IS NULL) AND (array_position(may_act_for, ''::text) IS NULL) AND (COALESCE(array_ndims(may_act_for), 1) = 1) AND (cardinality(may_act_for) <= 100))),
  CONSTRAINT api_key_models_named CHECK (((array_position(models, NULL::text) IS NULL) AND (array_position(models, ''::text) IS NULL) AND (COALESCE(array_ndims(models), 1) = 1))),
  CONSTRAINT api_key_name CHECK ((((length(name) >= 1) AND (length(name) <= 100)) AND (name <> 'root'::text))),
  CONSTRAINT api_key_old_hash_ends CHECK (((old_hash IS NULL) = (old_hash_until IS NULL))),
  CONSTRAINT api_key_pkey PRIMARY KEY (id),
  CONSTRAINT api_key_prefix_length CHECK ((length(prefix) <= 12)),
  CONSTRAINT api_key_priority_known CHECK ((priority = ANY (ARRAY['interactive'::text, 'default'::text, 'bulk'::text]))),
  CONSTRAINT api_key_role_known CHECK ((role = ANY (ARRAY['admin'::text, 'operator'::text, 'registrar'::text, 'inference'::text, 'viewer'::text]))),
  CONSTRAINT api_key_team_length CHECK (((length(team) >= 1) AND (length(team) <= 100)))
);

CREATE TABLE api_key_use (
  key_id uuid NOT NULL,
  last_used_at timestamp with time zone NOT NULL,
  CONSTRAINT api_key_use_key FOREIGN KEY (key_id) REFERENCES api_key(id) ON DELETE CASCADE,
  CONSTRAINT api_key_use_pkey PRIMARY KEY (key_id)
);

CREATE TABLE event (
  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  subject_id uuid,
  subject_name text NOT NULL,
  req_url_template text,
  kind text NOT NULL,
  note text NOT NULL DEFAULT ''::text,
  actor text NOT NULL,
  generation integer,
  subject text NOT NULL DEFAULT 'worker'::text,
  via text,
  role text,
  before jsonb,
  after jsonb,
  undoes bigint,
  worker_name text,
  CONSTRAINT event_kind_known_4 CHECK ((kind = ANY (ARRAY['registered'::text, 'created'::text, 'changed'::text, 'deleted'::text, 'restored'::text, 'enabled'::text, 'disabled'::text, 'draining'::text, 'offline'::text, 'healthy'::text, 'suspect'::text, 'unhealthy'::text, 'warming'::text, 'unknown'::text, 'recovered'::text, 'ejected'::text, 'failing'::text, 'serving'::text, 'revoked'::text, 'rotated'::text, 'ended'::text, 'awake'::text, 'asleep'::text, 'waking'::text, 'wake_failed'::text]))),
  CONSTRAINT event_pkey PRIMARY KEY (id),
  CONSTRAINT event_subject_id_2 CHECK (((subject = ANY (ARRAY['worker'::text, 'key'::text])) = (subject_id IS NOT NULL))),
  CONSTRAINT event_subject_known_3 CHECK ((subject = ANY (ARRAY['worker'::text, 'model'::text, 'key'::text, 'team'::text, 'session'::text]))),
  CONSTRAINT event_via_known CHECK ((via = ANY (ARRAY['api'::text, 'psql'::text, 'service'::text])))
);

CREATE TABLE event_undo (
  event_id bigint NOT NULL,
  before jsonb NOT NULL,
  after jsonb,
  CONSTRAINT event_undo_pkey PRIMARY KEY (event_id)
);

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
  priority text NOT NULL DEFAULT 'default'::text,
  tenant text NOT NULL DEFAULT ''::text,
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
  CONSTRAINT job_priority_known CHECK ((priority = ANY (ARRAY['interactive'::text, 'default'::text, 'bulk'::text]))),
  CONSTRAINT job_progress_range CHECK (((progress >= 0) AND (progress <= 100))),
  CONSTRAINT job_state_known CHECK ((state = ANY (ARRAY['queued'::text, 'submitting'::text, 'unknown'::text, 'running'::text, 'cancelling'::text, 'succeeded'::text, 'failed'::text, 'cancelled'::text]))),
  CONSTRAINT job_tenant_length CHECK ((char_length(tenant) <= 100))
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

CREATE TABLE limit_use (
  subject text NOT NULL,
  requests_left double precision,
  tokens_left double precision,
  replicas jsonb NOT NULL DEFAULT '{}'::jsonb,
  month date NOT NULL,
  month_tokens double precision NOT NULL DEFAULT 0,
  month_cost double precision NOT NULL DEFAULT 0,
  updated_at timestamp with time zone NOT NULL DEFAULT now(),
  CONSTRAINT limit_use_pkey PRIMARY KEY (subject),
  CONSTRAINT limit_use_subject CHECK ((subject ~ '^(key|team) .'::text))
) WITH (fillfactor=50);

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
  price_currency text,
  price_input numeric,
  price_output numeric,
  price_cached_input numeric,
  price_image numeric,
  price_second numeric,
  priority text,
  bulk_share double precision,
  hold_s integer,
  CONSTRAINT model_bulk_share_range CHECK (((bulk_share >= (0.05)::double precision) AND (bulk_share <= (1)::double precision))),
  CONSTRAINT model_fallbacks_few CHECK (((cardinality(fallbacks) <= 10) AND (array_position(fallbacks, name) IS NULL))),
  CONSTRAINT model_fallbacks_named CHECK (((array_position(fallbacks, NULL::text) IS NULL) AND (array_position(fallbacks, ''::text) IS NULL))),
  CONSTRAINT model_generation_positive CHECK ((generation > 0)),
  CONSTRAINT model_hold_range CHECK (((hold_s >= 0) AND (hold_s <= 3600))),
  CONSTRAINT model_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
  CONSTRAINT model_pkey PRIMARY KEY (name),
  CONSTRAINT model_price_complete CHECK (((price_currency IS NULL) = (num_nonnulls(price_input, price_output, price_cached_input, price_image, price_second) = 0))),
  CONSTRAINT model_price_currency CHECK ((price_currency ~ '^[A-Z]{3}$'::text)),
  CONSTRAINT model_price_range CHECK ((((price_input >= (0)::numeric) AND (price_input <= '1000000000'::numeric)) AND ((price_output >= (0)::numeric) AND (price_output <= '1000000000'::numeric)) AND ((price_cached_input >= (0)::numeric) AND (price_cached_input <= '1000000000'::numeric)) AND ((price_image >= (0)::numeric) AND (price_image <= '1000000000'::numeric)) AND ((price_second >= (0)::numeric) AND (price_second <= '1000000000'::numeric)))),
  CONSTRAINT model_priority_known CHECK ((priority = ANY (ARRAY['interactive'::text, 'default'::text, 'bulk'::text]))),
  CONSTRAINT model_queue_range CHECK ((((queue_max >= 0) AND (queue_max <= 1000000)) AND ((queue_wait_ms >= 0) AND (queue_wait_ms <= 3600000)))),
  CONSTRAINT model_retries_range CHECK (((retries >= 0) AND (retries <= 10))),
  CONSTRAINT model_retry_on_known CHECK (((retry_on <@ ARRAY['connection'::text, '429'::text, '500'::text, '502'::text, '503'::text, '504'::text, 'timeout'::text, 'credentials'::text]) AND (COALESCE(array_ndims(retry_on), 1) = 1))),
  CONSTRAINT model_strategy_known_2 CHECK ((strategy = ANY (ARRAY['least_load'::text, 'least_request'::text, 'round_robin'::text, 'random'::text, 'power_of_two'::text, 'peak_ewma'::text, 'consistent_hash'::text, 'prefix_affinity'::text]))),
  CONSTRAINT model_timeouts_positive CHECK (((connect_ms > 0) AND (first_byte_ms > 0) AND (idle_ms > 0) AND (total_ms > 0)))
);

CREATE TABLE model_traffic (
  model_name text NOT NULL,
  at timestamp with time zone NOT NULL,
  replica_id uuid NOT NULL,
  requests integer NOT NULL,
  CONSTRAINT model_traffic_pkey PRIMARY KEY (model_name, at, replica_id)
) WITH (fillfactor=70);

CREATE TABLE replica (
  id uuid NOT NULL,
  host text NOT NULL,
  started_at timestamp with time zone NOT NULL DEFAULT now(),
  seen_at timestamp with time zone NOT NULL DEFAULT now(),
  drained json NOT NULL DEFAULT '{}'::json,
  version text NOT NULL DEFAULT ''::text,
  settings json,
  draining json,
  load jsonb NOT NULL DEFAULT '{}'::jsonb,
  knows uuid[],
  settled boolean,
  CONSTRAINT replica_pkey PRIMARY KEY (id)
) WITH (fillfactor=70);

CREATE TABLE replica_demand (
  replica_id uuid NOT NULL,
  model_name text NOT NULL,
  seen_at timestamp with time zone NOT NULL DEFAULT now(),
  demand jsonb NOT NULL,
  held jsonb NOT NULL,
  CONSTRAINT replica_demand_pkey PRIMARY KEY (model_name, replica_id),
  CONSTRAINT replica_demand_replica FOREIGN KEY (replica_id) REFERENCES replica(id) ON DELETE CASCADE
) WITH (fillfactor=50);

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

CREATE TABLE replica_minute (
  replica_id uuid NOT NULL,
  minute timestamp with time zone NOT NULL,
  requests integer NOT NULL,
  failed integer NOT NULL,
  saved_by_retry integer NOT NULL,
  first_tokens integer[] NOT NULL,
  running real NOT NULL,
  waiting real NOT NULL,
  CONSTRAINT replica_minute_pkey PRIMARY KEY (minute, replica_id)
);

CREATE TABLE session_end (
  user_name text NOT NULL DEFAULT ''::text,
  ended_at timestamp with time zone NOT NULL DEFAULT now(),
  ended_by text NOT NULL DEFAULT ''::text,
  CONSTRAINT session_end_pkey PRIMARY KEY (user_name)
);

CREATE TABLE signing_key (
  name text NOT NULL,
  secret bytea NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  CONSTRAINT signing_key_length CHECK ((octet_length(secret) = 32)),
  CONSTRAINT signing_key_pkey PRIMARY KEY (name)
);

CREATE TABLE team (
  name text NOT NULL,
  labels jsonb NOT NULL DEFAULT '{}'::jsonb,
  requests_per_minute bigint,
  tokens_per_minute bigint,
  max_concurrent integer,
  tokens_per_month bigint,
  cost_per_month numeric,
  generation integer NOT NULL DEFAULT 1,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  updated_at timestamp with time zone NOT NULL DEFAULT now(),
  updated_by text NOT NULL DEFAULT ''::text,
  cost_currency text,
  max_priority text NOT NULL DEFAULT 'interactive'::text,
  weight integer NOT NULL DEFAULT 1,
  CONSTRAINT team_cost_currency CHECK ((cost_currency ~ '^[A-Z]{3}$'::text)),
  CONSTRAINT team_labels_object CHECK ((jsonb_typeof(labels) = 'object'::text)),
  CONSTRAINT team_limits_positive CHECK (((requests_per_minute > 0) AND (tokens_per_minute > 0) AND (max_concurrent > 0) AND (tokens_per_month > 0) AND (cost_per_month > (0)::numeric))),
  CONSTRAINT team_max_priority_known CHECK ((max_priority = ANY (ARRAY['interactive'::text, 'default'::text, 'bulk'::text]))),
  CONSTRAINT team_name_length CHECK (((length(name) >= 1) AND (length(name) <= 100))),
  CONSTRAINT team_pkey PRIMARY KEY (name),
  CONSTRAINT team_weight_range CHECK (((weight >= 1) AND (weight <= 1000)))
);

CREATE TABLE usage_batch (
  replica_id uuid NOT NULL,
  sequence bigint NOT NULL,
  at timestamp with time zone NOT NULL DEFAULT now(),
  CONSTRAINT usage_batch_pkey PRIMARY KEY (replica_id)
);

CREATE TABLE usage_by_hour (
  hour timestamp with time zone NOT NULL,
  key_id uuid NOT NULL,
  key_name text NOT NULL,
  team text NOT NULL,
  model text NOT NULL,
  currency text NOT NULL,
  requests bigint NOT NULL DEFAULT 0,
  errors_caller bigint NOT NULL DEFAULT 0,
  errors_worker bigint NOT NULL DEFAULT 0,
  errors_service bigint NOT NULL DEFAULT 0,
  limited bigint NOT NULL DEFAULT 0,
  input_tokens bigint NOT NULL DEFAULT 0,
  cached_tokens bigint NOT NULL DEFAULT 0,
  output_tokens bigint NOT NULL DEFAULT 0,
  estimated_tokens bigint NOT NULL DEFAULT 0,
  images bigint NOT NULL DEFAULT 0,
  seconds double precision NOT NULL DEFAULT 0,
  cost numeric,
  CONSTRAINT usage_by_hour_cost CHECK (((cost IS NULL) = (currency = ''::text))),
  CONSTRAINT usage_by_hour_pkey PRIMARY KEY (hour, key_id, team, model, currency)
) WITH (fillfactor=80);

CREATE TABLE usage_by_worker (
  day date NOT NULL,
  worker_id uuid NOT NULL,
  key_id uuid NOT NULL,
  key_name text NOT NULL,
  team text NOT NULL,
  model text NOT NULL,
  currency text NOT NULL,
  requests bigint NOT NULL DEFAULT 0,
  errors_caller bigint NOT NULL DEFAULT 0,
  errors_worker bigint NOT NULL DEFAULT 0,
  errors_service bigint NOT NULL DEFAULT 0,
  limited bigint NOT NULL DEFAULT 0,
  input_tokens bigint NOT NULL DEFAULT 0,
  cached_tokens bigint NOT NULL DEFAULT 0,
  output_tokens bigint NOT NULL DEFAULT 0,
  estimated_tokens bigint NOT NULL DEFAULT 0,
  images bigint NOT NULL DEFAULT 0,
  seconds double precision NOT NULL DEFAULT 0,
  cost numeric,
  CONSTRAINT usage_by_worker_cost CHECK (((cost IS NULL) = (currency = ''::text))),
  CONSTRAINT usage_by_worker_pkey PRIMARY KEY (day, worker_id, key_id, team, model, currency)
) WITH (fillfactor=80);

CREATE TABLE usage_daily (
  day date NOT NULL,
  key_id uuid NOT NULL,
  key_name text NOT NULL,
  team text NOT NULL,
  model text NOT NULL,
  currency text NOT NULL,
  requests bigint NOT NULL DEFAULT 0,
  errors_caller bigint NOT NULL DEFAULT 0,
  errors_worker bigint NOT NULL DEFAULT 0,
  errors_service bigint NOT NULL DEFAULT 0,
  limited bigint NOT NULL DEFAULT 0,
  input_tokens bigint NOT NULL DEFAULT 0,
  cached_tokens bigint NOT NULL DEFAULT 0,
  output_tokens bigint NOT NULL DEFAULT 0,
  estimated_tokens bigint NOT NULL DEFAULT 0,
  images bigint NOT NULL DEFAULT 0,
  seconds double precision NOT NULL DEFAULT 0,
  cost numeric,
  CONSTRAINT usage_daily_cost CHECK (((cost IS NULL) = (currency = ''::text))),
  CONSTRAINT usage_daily_pkey PRIMARY KEY (day, key_id, team, model, currency)
) WITH (fillfactor=80);

CREATE TABLE usage_hourly (
  hour timestamp with time zone NOT NULL,
  key_id uuid NOT NULL,
  key_name text NOT NULL,
  team text NOT NULL,
  model text NOT NULL,
  worker_id uuid NOT NULL,
  currency text NOT NULL,
  requests bigint NOT NULL DEFAULT 0,
  errors_caller bigint NOT NULL DEFAULT 0,
  errors_worker bigint NOT NULL DEFAULT 0,
  errors_service bigint NOT NULL DEFAULT 0,
  limited bigint NOT NULL DEFAULT 0,
  input_tokens bigint NOT NULL DEFAULT 0,
  cached_tokens bigint NOT NULL DEFAULT 0,
  output_tokens bigint NOT NULL DEFAULT 0,
  estimated_tokens bigint NOT NULL DEFAULT 0,
  images bigint NOT NULL DEFAULT 0,
  seconds double precision NOT NULL DEFAULT 0,
  cost numeric,
  CONSTRAINT usage_hourly_cost CHECK (((cost IS NULL) = (currency = ''::text))),
  CONSTRAINT usage_hourly_pkey PRIMARY KEY (hour, key_id, team, model, worker_id, currency)
) WITH (fillfactor=80);

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
  profile jsonb,
  registered_by_key uuid,
  registered_by_team text,
  wake json,
  sleep json,
  asleep_when json,
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
  CONSTRAINT worker_profile_object CHECK ((jsonb_typeof(profile) = 'object'::text)),
  CONSTRAINT worker_protocol_known CHECK ((protocol = ANY (ARRAY['template'::text, 'openai'::text, 'anthropic'::text, 'gemini'::text]))),
  CONSTRAINT worker_req_type_known CHECK ((req_type = ANY (ARRAY['GET'::text, 'POST'::text]))),
  CONSTRAINT worker_sleep_needs_wake CHECK (((wake IS NOT NULL) OR ((sleep IS NULL) AND (asleep_when IS NULL)))),
  CONSTRAINT worker_task_known CHECK ((task = ANY (ARRAY['chat'::text, 'completion'::text, 'embedding'::text, 'image'::text, 'video'::text, 'audio'::text]))),
  CONSTRAINT worker_timeouts_positive CHECK (((connect_ms > 0) AND (first_byte_ms > 0) AND (idle_ms > 0) AND (total_ms > 0))),
  CONSTRAINT worker_type_known CHECK ((worker_type = ANY (ARRAY['REMOTE'::text, 'LOCAL'::text]))),
  CONSTRAINT worker_upstream_model_length CHECK (((char_length(upstream_model) >= 1) AND (char_length(upstream_model) <= 200))),
  CONSTRAINT worker_url_http CHECK (((req_url_template ~ '^https?://'::text) AND (char_length(req_url_template) <= 2048))),
  CONSTRAINT worker_weight_range CHECK (((weight >= 1) AND (weight <= 1000)))
);

CREATE TABLE worker_object (
  id text NOT NULL,
  worker_id uuid NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  CONSTRAINT worker_object_id_length CHECK (((octet_length(id) >= 1) AND (octet_length(id) <= 256))),
  CONSTRAINT worker_object_pkey PRIMARY KEY (id)
);

CREATE TABLE worker_power (
  worker_id uuid NOT NULL,
  state text NOT NULL DEFAULT 'awake'::text,
  since timestamp with time zone NOT NULL DEFAULT now(),
  reason text NOT NULL DEFAULT ''::text,
  lease_owner text,
  lease_until timestamp with time zone,
  next_wake_at timestamp with time zone NOT NULL DEFAULT now(),
  failures integer NOT NULL DEFAULT 0,
  usual_wake_ms integer,
  last_used_at timestamp with time zone NOT NULL DEFAULT now(),
  next_sleep_at timestamp with time zone NOT NULL DEFAULT now(),
  sleep_failures integer NOT NULL DEFAULT 0,
  CONSTRAINT worker_power_failures CHECK ((failures >= 0)),
  CONSTRAINT worker_power_lease_whole CHECK (((lease_owner IS NULL) = (lease_until IS NULL))),
  CONSTRAINT worker_power_pkey PRIMARY KEY (worker_id),
  CONSTRAINT worker_power_sleep_failures CHECK ((sleep_failures >= 0)),
  CONSTRAINT worker_power_state_known CHECK ((state = ANY (ARRAY['awake'::text, 'asleep'::text, 'waking'::text]))),
  CONSTRAINT worker_power_usual_wake CHECK (((usual_wake_ms >= 1) AND (usual_wake_ms <= 3600000))),
  CONSTRAINT worker_power_worker FOREIGN KEY (worker_id) REFERENCES worker(id) ON DELETE CASCADE
) WITH (fillfactor=70);

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

CREATE TABLE worker_traffic (
  worker_id uuid NOT NULL,
  at timestamp with time zone NOT NULL,
  replica_id uuid NOT NULL,
  model_name text NOT NULL,
  requests integer NOT NULL,
  failed integer NOT NULL,
  first_tokens integer[],
  CONSTRAINT worker_traffic_pkey PRIMARY KEY (worker_id, at, replica_id)
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

CREATE UNIQUE INDEX api_key_hash ON public.api_key USING btree (hash);
CREATE UNIQUE INDEX api_key_name_free ON public.api_key USING btree (name) WHERE (revoked_at IS NULL);
CREATE INDEX event_at ON public.event USING btree (at);
CREATE INDEX event_of_policy ON public.event USING btree (subject_name, id) WHERE (subject = 'model'::text);
CREATE INDEX event_of_subject ON public.event USING btree (subject_id, id);
CREATE INDEX job_active_of_worker ON public.job USING btree (worker_id) WHERE (state = ANY (ARRAY['submitting'::text, 'unknown'::text, 'running'::text, 'cancelling'::text]));
CREATE INDEX job_due ON public.job USING btree (due_at) WHERE (state = ANY (ARRAY['running'::text, 'unknown'::text, 'cancelling'::text]));
CREATE INDEX job_ended ON public.job USING btree (ended_at) WHERE (ended_at IS NOT NULL);
CREATE INDEX job_event_of_job ON public.job_event USING btree (job_id, id);
CREATE UNIQUE INDEX job_idempotency ON public.job USING btree (owner_key, idempotency_key) WHERE (idempotency_key IS NOT NULL);
CREATE INDEX job_of_owner ON public.job USING btree (owner_key, created_at, id);
CREATE INDEX job_queued_3 ON public.job USING btree (model_name, owner_key, tenant, priority, created_at) WHERE (state = 'queued'::text);
CREATE INDEX job_submitting ON public.job USING btree (id) WHERE (state = 'submitting'::text);
CREATE INDEX job_webhook_done ON public.job_webhook USING btree (ended_at) WHERE (ended_at IS NOT NULL);
CREATE INDEX job_webhook_due ON public.job_webhook USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX replica_demand_of_replica ON public.replica_demand USING btree (replica_id);
CREATE INDEX replica_fault_of_replica ON public.replica_fault USING btree (replica_id);
CREATE INDEX usage_by_hour_key ON public.usage_by_hour USING btree (key_id, hour);
CREATE INDEX usage_by_worker_day_key ON public.usage_by_worker USING btree (day, key_id);
CREATE INDEX usage_by_worker_key ON public.usage_by_worker USING btree (key_id, day);
CREATE INDEX usage_daily_key ON public.usage_daily USING btree (key_id, day);
CREATE INDEX usage_daily_team ON public.usage_daily USING btree (team, day);
CREATE INDEX usage_hourly_key ON public.usage_hourly USING btree (key_id, hour);
CREATE INDEX usage_hourly_team ON public.usage_hourly USING btree (team, hour);
CREATE INDEX usage_hourly_worker ON public.usage_hourly USING btree (hour, worker_id);
CREATE INDEX worker_created ON public.worker USING btree (created_at, id);
CREATE UNIQUE INDEX worker_natural_key ON public.worker USING btree (model_name, sha256((replace(req_url_template, '\'::text, '\\'::text))::bytea), name);
CREATE INDEX worker_object_created ON public.worker_object USING btree (created_at);
CREATE INDEX worker_slot_of_replica ON public.worker_slot USING btree (replica_id);
CREATE INDEX worker_slot_wish_of_replica ON public.worker_slot_wish USING btree (replica_id);
CREATE INDEX worker_traffic_model ON public.worker_traffic USING btree (model_name, at);
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
CREATE VIEW live_replica AS
 SELECT id,
    host,
    version,
    started_at,
    seen_at,
    drained,
    settings,
    draining,
    load
   FROM replica
  WHERE seen_at > (now() - '00:00:15'::interval);
CREATE VIEW model_overview AS
 WITH trouble AS (
         SELECT t.worker_id,
            min(t.since) AS since,
            (array_agg(t.last_error ORDER BY t.last_error_at DESC NULLS LAST))[1] AS last_error
           FROM worker_trouble t
             JOIN live_replica r ON r.id = t.replica_id
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
CREATE VIEW power_overview AS
 SELECT w.model_name,
    w.name,
    w.req_url_template,
    p.state,
    p.since,
    date_trunc('second'::text, now() - p.since) AS state_for,
    p.reason,
        CASE
            WHEN p.lease_until > now() THEN ( SELECT r.host
               FROM replica r
              WHERE r.id::text = p.lease_owner)
            ELSE NULL::text
        END AS leased_by,
        CASE
            WHEN p.state = 'asleep'::text AND p.next_wake_at > now() THEN p.next_wake_at
            ELSE NULL::timestamp with time zone
        END AS not_woken_before,
    p.failures,
    make_interval(secs => (p.usual_wake_ms::numeric / 1000.0)::double precision) AS usual_wake,
    date_trunc('second'::text, now() - p.last_used_at) AS unused_for,
    p.worker_id
   FROM worker_power p
     JOIN worker w ON w.id = p.worker_id
  ORDER BY w.model_name, w.created_at, w.id;
CREATE VIEW replica_overview AS
 WITH live AS (
         SELECT live_replica.id,
            live_replica.settings
           FROM live_replica
          WHERE json_typeof(live_replica.settings) = 'object'::text
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
    (EXISTS ( SELECT
           FROM live_replica l
          WHERE l.id = r.id)) AS alive,
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
CREATE VIEW scheduling_overview AS
 SELECT d.model_name,
    t.name AS tenant,
    max((t.its ->> 'weight'::text)::integer) AS weight,
    sum((t.its ->> 'running'::text)::integer)::integer AS running,
    sum((t.its ->> 'running_bulk'::text)::integer)::integer AS running_bulk,
    round(sum((t.its ->> 'live'::text)::numeric), 1) AS wanted,
    round(sum((t.its ->> 'bulk'::text)::numeric), 1) AS wanted_bulk,
    round((100 * sum(((t.its ->> 'running'::text)::integer) + ((t.its ->> 'running_bulk'::text)::integer)))::numeric / NULLIF(sum(sum(((t.its ->> 'running'::text)::integer) + ((t.its ->> 'running_bulk'::text)::integer))) OVER (PARTITION BY d.model_name), 0::numeric), 1) AS percent,
    jsonb_object_agg(d.replica_id, ((t.its ->> 'running'::text)::integer) + ((t.its ->> 'running_bulk'::text)::integer)) AS by_replica,
    max(d.seen_at) AS seen_at
   FROM replica_demand d
     JOIN live_replica r ON r.id = d.replica_id
     CROSS JOIN LATERAL jsonb_each(d.demand #> '{*,tenants}'::text[]) t(name, its)
  GROUP BY d.model_name, t.name
  ORDER BY d.model_name, t.name;
CREATE VIEW usage_overview AS
 SELECT day,
    NULLIF(team, ''::text) AS team,
    key_name AS key,
    NULLIF(model, ''::text) AS model,
    requests,
    errors_caller + errors_worker + errors_service AS errors,
    limited,
    input_tokens,
    cached_tokens,
    output_tokens,
    estimated_tokens,
    images,
    seconds,
    cost,
    NULLIF(currency, ''::text) AS currency
   FROM usage_daily;
CREATE VIEW worker_event AS
 SELECT id,
    at,
    subject_id AS worker_id,
    subject_name AS model_name,
    req_url_template,
    kind,
    note AS detail,
    actor,
    generation
   FROM event
  WHERE subject = 'worker'::text;
CREATE VIEW worker_outage AS
 WITH step AS (
         SELECT e.subject_id AS worker_id,
            e.id,
            e.at,
            e.kind,
            e.note AS detail,
            e.actor,
            e.subject_name AS model_name,
            e.req_url_template,
            t_1.by_what,
            t_1.is_out
           FROM event e
             CROSS JOIN LATERAL ( VALUES ('health'::text,
                        CASE
                            WHEN e.kind = 'unhealthy'::text THEN true
                            WHEN e.kind = ANY (ARRAY['healthy'::text, 'suspect'::text, 'warming'::text, 'unknown'::text, 'recovered'::text, 'deleted'::text, 'restored'::text]) THEN false
                            ELSE NULL::boolean
                        END), ('admin_state'::text,
                        CASE
                            WHEN e.kind = ANY (ARRAY['disabled'::text, 'draining'::text, 'offline'::text]) THEN true
                            WHEN e.kind = ANY (ARRAY['registered'::text, 'enabled'::text, 'deleted'::text, 'restored'::text]) THEN false
                            ELSE NULL::boolean
                        END)) t_1(by_what, is_out)
          WHERE e.subject = 'worker'::text AND t_1.is_out IS NOT NULL
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
             JOIN live_replica r ON r.id = t.replica_id
          WHERE t.worker_id = w.id AND t.generation = w.generation) AS requests,
    w.health_since,
    w.admin_state_since,
    w.admin_state_by
   FROM worker w
     LEFT JOIN worker_probe p ON p.worker_id = w.id
  ORDER BY w.model_name, w.created_at, w.id;

CREATE OR REPLACE FUNCTION public.access_before()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
  IF event_restoring() THEN
    RETURN NEW;
  ELSIF TG_OP = 'INSERT' THEN
    NEW.generation := 1;
    IF TG_TABLE_NAME = 'api_key' THEN
      NEW.created_by := event_actor();
    END IF;
  ELSE
    NEW.generation := OLD.generation + 1;
    NEW.updated_at := now();
  END IF;
  NEW.updated_by := event_actor();
  RETURN NEW;
END $function$
;
CREATE OR REPLACE FUNCTION public.access_record()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
  subject CONSTANT text := CASE TG_TABLE_NAME WHEN 'api_key' THEN 'key' ELSE 'team' END;
  old_row CONSTANT jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  new_row CONSTANT jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
  this CONSTANT jsonb := coalesce(new_row, old_row);
  names text[];
  before jsonb := access_shown(old_row);
  after jsonb := access_shown(new_row);
  kind text;
BEGIN
  PERFORM pg_notify('access_changed', TG_TABLE_SCHEMA || ' ' || subject || ' ' || CASE subject WHEN 'key' THEN this ->> 'id' ELSE this ->> 'name' END);
  IF event_restoring() THEN
    RETURN NULL;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    SELECT array_agg(key ORDER BY key) INTO names FROM jsonb_each(access_shown(new_row)) AS n WHERE old_row -> n.key IS DISTINCT FROM new_row -> n.key;
    IF names IS NULL THEN
      RETURN NULL;
    END IF;
    SELECT jsonb_object_agg(key, value) INTO before FROM jsonb_each(before) WHERE key = ANY (names);
    SELECT jsonb_object_agg(key, value) INTO after FROM jsonb_each(after) WHERE key = ANY (names);
  ELSE
    before := jsonb_strip_nulls(before);
    after := jsonb_strip_nulls(after);
  END IF;
  kind := CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'DELETE' THEN 'deleted' ELSE CASE
    WHEN old_row ->> 'revoked_at' IS NULL AND new_row ->> 'revoked_at' IS NOT NULL THEN 'revoked'
    WHEN old_row ->> 'hash' IS DISTINCT FROM new_row ->> 'hash' THEN 'rotated'
    WHEN old_row ->> 'disabled_at' IS NULL AND new_row ->> 'disabled_at' IS NOT NULL THEN 'disabled'
    WHEN old_row ->> 'disabled_at' IS NOT NULL AND new_row ->> 'disabled_at' IS NULL THEN 'enabled'
    ELSE 'changed' END END;
  PERFORM record_event(subject, CASE subject WHEN 'key' THEN (this ->> 'id')::uuid END, this ->> 'name', NULL, kind,
    array_to_string(names, ', '), (this ->> 'generation')::integer, before, after, NULL, NULL);
  RETURN NULL;
END $function$
;
CREATE OR REPLACE FUNCTION public.access_shown(this jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT jsonb_object_agg(key, CASE WHEN key IN ('hash', 'old_hash') AND value <> 'null' THEN '"<sealed>"' ELSE value END)
  FROM jsonb_each(this - '{id, generation, created_at, created_by, updated_at, updated_by}'::text[])
$function$
;
CREATE OR REPLACE FUNCTION public.api_key_check()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
DECLARE
  broken text := (SELECT CASE
      WHEN id IS NULL THEN 'NOT NULL id'
      WHEN name IS NULL THEN 'NOT NULL name'
      WHEN prefix IS NULL THEN 'NOT NULL prefix'
      WHEN hash IS NULL THEN 'NOT NULL hash'
      WHEN role IS NULL THEN 'NOT NULL role'
      WHEN labels IS NULL THEN 'NOT NULL labels'
      WHEN generation IS NULL THEN 'NOT NULL generation'
      WHEN created_at IS NULL THEN 'NOT NULL created_at'
      WHEN created_by IS NULL THEN 'NOT NULL created_by'
      WHEN updated_at IS NULL THEN 'NOT NULL updated_at'
      WHEN updated_by IS NULL THEN 'NOT NULL updated_by'
      WHEN NOT (cost_currency ~ '^[A-Z]{3}$'::text) THEN 'api_key_cost_currency'
      WHEN NOT ((octet_length(hash) = 32) AND (octet_length(old_hash) = 32)) THEN 'api_key_hash_length'
      WHEN NOT (jsonb_typeof(labels) = 'object'::text) THEN 'api_key_labels_object'
      WHEN NOT ((requests_per_minute > 0) AND (tokens_per_minute > 0) AND (max_concurrent > 0) AND (tokens_per_month > 0) AND (cost_per_month > (0)::numeric)) THEN 'api_key_limits_positive'
      WHEN NOT ((array_position(may_act_for, NULL::text) IS NULL) AND (array_position(may_act_for, ''::text) IS NULL) AND (COALESCE(array_ndims(may_act_for), 1) = 1) AND (cardinality(may_act_for) <= 100)) THEN 'api_key_may_act_for_named'
      WHEN NOT ((array_position(models, NULL::text) IS NULL) AND (array_position(models, ''::text) IS NULL) AND (COALESCE(array_ndims(models), 1) = 1)) THEN 'api_key_models_named'
      WHEN NOT (((length(name) >= 1) AND (length(name) <= 100)) AND (name <> 'root'::text)) THEN 'api_key_name'
      WHEN NOT ((old_hash IS NULL) = (old_hash_until IS NULL)) THEN 'api_key_old_hash_ends'
      WHEN NOT (length(prefix) <= 12) THEN 'api_key_prefix_length'
      WHEN NOT (priority = ANY (ARRAY['interactive'::text, 'default'::text, 'bulk'::text])) THEN 'api_key_priority_known'
      WHEN NOT (role = ANY (ARRAY['admin'::text, 'operator'::text, 'registrar'::text, 'inference'::text, 'viewer'::text])) THEN 'api_key_role_known'
      WHEN NOT ((length(team) >= 1) AND (length(team) <= 100)) THEN 'api_key_team_length'
    END FROM (SELECT NEW.id, NEW.name, NEW.prefix, NEW.hash, NEW.old_hash, NEW.old_hash_until, NEW.role, NEW.team, NEW.models, NEW.labels, NEW.requests_per_minute, NEW.tokens_per_minute, NEW.max_concurrent, NEW.tokens_per_month, NEW.cost_per_month, NEW.generation, NEW.created_at, NEW.created_by, NEW.updated_at, NEW.updated_by, NEW.cost_currency, NEW.priority, NEW.may_act_for) AS this);
BEGIN
  IF broken IS NOT NULL THEN
    PERFORM public.refuse_row(TG_RELID, broken);
  END IF;
  RETURN NEW;
END $function$
;
CREATE OR REPLACE FUNCTION public.event_actor()
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$
  SELECT CASE event_via() WHEN 'psql' THEN 'psql:' || session_user || coalesce('/' || nullif(current_setting('mmm.actor', true), ''), '')
    ELSE current_setting('mmm.actor', true) END
$function$
;
CREATE OR REPLACE FUNCTION public.event_credentials()
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT 'accesskey|accesstoken|apikey|apisecret|apitoken|appsecret|authkey|authorization|authtoken|bearertoken'
    || '|clientsecret|password|passwd|privatekey|secret|secretaccesskey|secretkey|xapikey'
$function$
;
CREATE OR REPLACE FUNCTION public.event_guard()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  -- Qualified, because the caller chooses the search_path; a fixed one would cost more than the check.
  IF NOT pg_catalog.pg_has_role(current_user, (SELECT relowner FROM pg_catalog.pg_class WHERE oid OPERATOR(pg_catalog.=) TG_RELID), 'MEMBER') THEN
    RAISE EXCEPTION '% is written by triggers, record_requests() and purge_events() only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NULL;
END $function$
;
CREATE OR REPLACE FUNCTION public.event_headers(header jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 IMMUTABLE STRICT
AS $function$
BEGIN
  RETURN CASE jsonb_typeof(header) WHEN 'object' THEN coalesce((
      SELECT jsonb_object_agg(key, CASE WHEN lower(key) IN ('accept', 'accept-charset', 'accept-encoding', 'accept-language',
          'anthropic-beta', 'anthropic-version', 'cache-control', 'content-language', 'content-type', 'http-referer', 'openai-beta',
          'prefer', 'referer', 'traceparent', 'user-agent', 'x-request-id', 'x-title')
        OR value::text ~* ('^"' || event_reference('"') || '$') THEN value ELSE '"<sealed>"' END)
      FROM jsonb_each(header)), '{}')
    WHEN 'null' THEN header ELSE '"<sealed>"' END;
END $function$
;
CREATE OR REPLACE FUNCTION public.event_json(value json)
 RETURNS jsonb
 LANGUAGE plpgsql
 IMMUTABLE STRICT
AS $function$
BEGIN
  RETURN value::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
  BEGIN
    RETURN regexp_replace(value::text, '((?:^|[^\\])(?:\\\\)*)\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '\1\\ufffd', 'g')::jsonb;
  EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN '"<cannot be shown>"';
  END;
END $function$
;
CREATE OR REPLACE FUNCTION public.event_keeps(name text, value text, shown jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
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
END $function$
;
CREATE OR REPLACE FUNCTION public.event_masked(value jsonb, name text)
 RETURNS jsonb
 LANGUAGE plpgsql
 IMMUTABLE STRICT
AS $function$
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
END $function$
;
CREATE OR REPLACE FUNCTION public.event_member(names text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT '("' || event_spellings(names) || '": )"(?!' || event_reference('"') || ')(?:[^"\\]|\\.)*"'
$function$
;
CREATE OR REPLACE FUNCTION public.event_query(text text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT CASE WHEN position('@' IN text) = 0 AND position('?' IN text) = 0 THEN text ELSE regexp_replace(
    regexp_replace(text, '(https?://)[^/?#"@]*@', '\1<sealed>@', 'gi'),
    '([?&]' || event_spellings(event_credentials() || '|key|sig|signature|token') || '=)(?!' || event_reference('(?:[&#"]|$)') || ')[^&#"]*',
    '\1<sealed>', 'gi') END
$function$
;
CREATE OR REPLACE FUNCTION public.event_reference(ending text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT '(?:(?:\{\+?[A-Z][A-Z0-9_]*(?:\.\w+)?\}|\s)*' || ending || '|(?:(?:basic|bearer|token|key|apikey|api-key)\s)?[\s:;,.=/-]*' || secret
    || '(?:[\s:;,.=/-]|' || secret || ')*' || ending || ')'
  FROM (VALUES ('\$\{secret:(?!\.)[A-Za-z0-9_.-]{1,100}\}')) AS v (secret)
$function$
;
CREATE OR REPLACE FUNCTION public.event_restoring()
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$
  SELECT current_setting('mmm.restoring', true) IS NOT DISTINCT FROM 'on' AND pg_has_role(session_user, current_user, 'MEMBER')
$function$
;
CREATE OR REPLACE FUNCTION public.event_spellings(names text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT '[_-]*(?:' || regexp_replace(names, '([a-z])', '\1[_-]*', 'g') || ')'
$function$
;
CREATE OR REPLACE FUNCTION public.event_url(url text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT CASE WHEN position('?' IN url) = 0 AND position('@' IN url) = 0 THEN url ELSE
    regexp_replace(split_part(url, '?', 1), '^(https?://)[^/?#]*@', '\1<sealed>@', 'i') || CASE WHEN position('?' IN url) > 0 THEN '?<sealed>' ELSE '' END END
$function$
;
CREATE OR REPLACE FUNCTION public.event_via()
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$
  SELECT CASE
    WHEN current_setting('mmm.via', true) IN ('api', 'service') THEN current_setting('mmm.via', true)
    -- The release before sets no mmm.via.
    WHEN current_setting('mmm.actor', true) = 'api' THEN 'api'
    WHEN current_setting('mmm.actor', true) IN ('health', 'heartbeat expired', 'drained', 'retention', 'sealing', 'jobs') THEN 'service'
    ELSE 'psql' END
$function$
;
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
CREATE OR REPLACE FUNCTION public.job_check()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
DECLARE
  broken text := (SELECT CASE
      WHEN id IS NULL THEN 'NOT NULL id'
      WHEN model_name IS NULL THEN 'NOT NULL model_name'
      WHEN owner_key IS NULL THEN 'NOT NULL owner_key'
      WHEN kind IS NULL THEN 'NOT NULL kind'
      WHEN mode IS NULL THEN 'NOT NULL mode'
      WHEN state IS NULL THEN 'NOT NULL state'
      WHEN state_since IS NULL THEN 'NOT NULL state_since'
      WHEN version IS NULL THEN 'NOT NULL version'
      WHEN upstream_word IS NULL THEN 'NOT NULL upstream_word'
      WHEN progress IS NULL THEN 'NOT NULL progress'
      WHEN note IS NULL THEN 'NOT NULL note'
      WHEN request IS NULL THEN 'NOT NULL request'
      WHEN input_bytes IS NULL THEN 'NOT NULL input_bytes'
      WHEN kept IS NULL THEN 'NOT NULL kept'
      WHEN submits IS NULL THEN 'NOT NULL submits'
      WHEN looks IS NULL THEN 'NOT NULL looks'
      WHEN unable IS NULL THEN 'NOT NULL unable'
      WHEN tried IS NULL THEN 'NOT NULL tried'
      WHEN created_at IS NULL THEN 'NOT NULL created_at'
      WHEN queue_until IS NULL THEN 'NOT NULL queue_until'
      WHEN due_at IS NULL THEN 'NOT NULL due_at'
      WHEN fence IS NULL THEN 'NOT NULL fence'
      WHEN cancel_wanted IS NULL THEN 'NOT NULL cancel_wanted'
      WHEN request_id IS NULL THEN 'NOT NULL request_id'
      WHEN priority IS NULL THEN 'NOT NULL priority'
      WHEN tenant IS NULL THEN 'NOT NULL tenant'
      WHEN NOT ((submits >= 0) AND (looks >= 0) AND (version > 0) AND (input_bytes >= 0)) THEN 'job_counts'
      WHEN NOT ((state = ANY (ARRAY['succeeded'::text, 'failed'::text, 'cancelled'::text])) = (ended_at IS NOT NULL)) THEN 'job_ended_with_state'
      WHEN NOT (error_code = ANY (ARRAY['busy'::text, 'submit_refused'::text, 'submit_unknown'::text, 'upstream_failed'::text, 'upstream_lost'::text, 'result_missing'::text, 'result_unreachable'::text, 'result_forbidden'::text, 'timeout'::text, 'misconfigured'::text, 'cancelled'::text, 'worker_deleted'::text])) THEN 'job_error_code_known'
      WHEN NOT ((state = ANY (ARRAY['failed'::text, 'cancelled'::text])) = (error_code IS NOT NULL)) THEN 'job_failed_with_code'
      WHEN NOT ((char_length(idempotency_key) >= 1) AND (char_length(idempotency_key) <= 255)) THEN 'job_idempotency_key_length'
      WHEN NOT (kind = ANY (ARRAY['image'::text, 'video'::text, 'audio'::text, 'text'::text])) THEN 'job_kind_known'
      WHEN NOT ((lease_owner IS NULL) = (lease_until IS NULL)) THEN 'job_lease_whole'
      WHEN NOT (mode = ANY (ARRAY['poll'::text, 'call'::text])) THEN 'job_mode_known'
      WHEN NOT ((char_length(model_name) >= 1) AND (char_length(model_name) <= 200)) THEN 'job_model_name_length'
      WHEN NOT (priority = ANY (ARRAY['interactive'::text, 'default'::text, 'bulk'::text])) THEN 'job_priority_known'
      WHEN NOT ((progress >= 0) AND (progress <= 100)) THEN 'job_progress_range'
      WHEN NOT (state = ANY (ARRAY['queued'::text, 'submitting'::text, 'unknown'::text, 'running'::text, 'cancelling'::text, 'succeeded'::text, 'failed'::text, 'cancelled'::text])) THEN 'job_state_known'
      WHEN NOT (char_length(tenant) <= 100) THEN 'job_tenant_length'
    END FROM (SELECT NEW.id, NEW.model_name, NEW.owner_key, NEW.kind, NEW.mode, NEW.state, NEW.state_since, NEW.version, NEW.upstream_word, NEW.progress, NEW.note, NEW.error_code, NEW.request, NEW.input_bytes, NEW.kept, NEW.submits, NEW.looks, NEW.unable, NEW.tried, NEW.created_at, NEW.queue_until, NEW.ended_at, NEW.due_at, NEW.lease_owner, NEW.lease_until, NEW.fence, NEW.cancel_wanted, NEW.idempotency_key, NEW.request_id, NEW.priority, NEW.tenant) AS this);
BEGIN
  IF broken IS NOT NULL THEN
    PERFORM public.refuse_row(TG_RELID, broken);
  END IF;
  RETURN NEW;
END $function$
;
CREATE OR REPLACE FUNCTION public.job_file_check()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
DECLARE
  broken text := (SELECT CASE
      WHEN job_id IS NULL THEN 'NOT NULL job_id'
      WHEN role IS NULL THEN 'NOT NULL role'
      WHEN number IS NULL THEN 'NOT NULL number'
      WHEN copy IS NULL THEN 'NOT NULL copy'
      WHEN part IS NULL THEN 'NOT NULL part'
      WHEN bytes IS NULL THEN 'NOT NULL bytes'
      WHEN NOT ((number >= 0) AND (copy >= 0) AND (part >= 0)) THEN 'job_file_numbers'
      WHEN NOT (role = ANY (ARRAY['input'::text, 'result'::text])) THEN 'job_file_role_known'
    END FROM (SELECT NEW.job_id, NEW.role, NEW.number, NEW.copy, NEW.part, NEW.bytes) AS this);
BEGIN
  IF broken IS NOT NULL THEN
    PERFORM public.refuse_row(TG_RELID, broken);
  END IF;
  RETURN NEW;
END $function$
;
CREATE OR REPLACE FUNCTION public.job_follow()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
  IF NOT event_restoring() THEN
    INSERT INTO job_event (job_id, state, note, actor) VALUES (NEW.id, NEW.state, coalesce(NEW.error, NEW.note),
      coalesce(nullif(current_setting('mmm.actor', true), ''), session_user));
  END IF;
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
CREATE OR REPLACE FUNCTION public.job_webhook_check()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
DECLARE
  broken text := (SELECT CASE
      WHEN job_id IS NULL THEN 'NOT NULL job_id'
      WHEN url IS NULL THEN 'NOT NULL url'
      WHEN state IS NULL THEN 'NOT NULL state'
      WHEN tries IS NULL THEN 'NOT NULL tries'
      WHEN created_at IS NULL THEN 'NOT NULL created_at'
      WHEN last_error IS NULL THEN 'NOT NULL last_error'
      WHEN delivered IS NULL THEN 'NOT NULL delivered'
      WHEN NOT ((due_at IS NULL) = (ended_at IS NOT NULL)) THEN 'job_webhook_ended'
      WHEN NOT (state = ANY (ARRAY['succeeded'::text, 'failed'::text, 'cancelled'::text])) THEN 'job_webhook_state_known'
      WHEN NOT (tries >= 0) THEN 'job_webhook_tries'
    END FROM (SELECT NEW.job_id, NEW.url, NEW.state, NEW.tries, NEW.created_at, NEW.due_at, NEW.last_error, NEW.ended_at, NEW.delivered) AS this);
BEGIN
  IF broken IS NOT NULL THEN
    PERFORM public.refuse_row(TG_RELID, broken);
  END IF;
  RETURN NEW;
END $function$
;
CREATE OR REPLACE FUNCTION public.limit_use_recount()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
  is_key CONSTANT boolean := TG_TABLE_NAME = 'api_key';
  owner CONSTANT text := CASE WHEN is_key THEN to_jsonb(NEW) ->> 'id' ELSE to_jsonb(NEW) ->> 'name' END;
BEGIN
  UPDATE limit_use l SET month_cost = (
    SELECT coalesce(sum(u.cost), 0) FROM usage_hourly u
    WHERE u.hour >= l.month::timestamp AT TIME ZONE 'UTC' AND (NEW.cost_currency IS NULL OR u.currency = NEW.cost_currency)
      AND CASE WHEN is_key THEN u.key_id = owner::uuid ELSE u.team = owner END)
  WHERE l.subject = CASE WHEN is_key THEN 'key ' ELSE 'team ' END || owner;
  RETURN NULL;
END $function$
;
CREATE OR REPLACE FUNCTION public.model_changes(before model, after model)
 RETURNS text[]
 LANGUAGE sql
 STABLE
AS $function$SELECT array_remove(ARRAY[CASE WHEN before.strategy::text IS DISTINCT FROM after.strategy::text THEN 'strategy' END, CASE WHEN before.fallbacks::text IS DISTINCT FROM after.fallbacks::text THEN 'fallbacks' END, CASE WHEN before.retries::text IS DISTINCT FROM after.retries::text THEN 'retries' END, CASE WHEN before.retry_on::text IS DISTINCT FROM after.retry_on::text THEN 'retry_on' END, CASE WHEN before.queue_max::text IS DISTINCT FROM after.queue_max::text THEN 'queue_max' END, CASE WHEN before.queue_wait_ms::text IS DISTINCT FROM after.queue_wait_ms::text THEN 'queue_wait_ms' END, CASE WHEN before.connect_ms::text IS DISTINCT FROM after.connect_ms::text THEN 'connect_ms' END, CASE WHEN before.first_byte_ms::text IS DISTINCT FROM after.first_byte_ms::text THEN 'first_byte_ms' END, CASE WHEN before.idle_ms::text IS DISTINCT FROM after.idle_ms::text THEN 'idle_ms' END, CASE WHEN before.total_ms::text IS DISTINCT FROM after.total_ms::text THEN 'total_ms' END, CASE WHEN before.price_currency::text IS DISTINCT FROM after.price_currency::text THEN 'price_currency' END, CASE WHEN before.price_input::text IS DISTINCT FROM after.price_input::text THEN 'price_input' END, CASE WHEN before.price_output::text IS DISTINCT FROM after.price_output::text THEN 'price_output' END, CASE WHEN before.price_cached_input::text IS DISTINCT FROM after.price_cached_input::text THEN 'price_cached_input' END, CASE WHEN before.price_image::text IS DISTINCT FROM after.price_image::text THEN 'price_image' END, CASE WHEN before.price_second::text IS DISTINCT FROM after.price_second::text THEN 'price_second' END, CASE WHEN before.priority::text IS DISTINCT FROM after.priority::text THEN 'priority' END, CASE WHEN before.bulk_share::text IS DISTINCT FROM after.bulk_share::text THEN 'bulk_share' END, CASE WHEN before.hold_s::text IS DISTINCT FROM after.hold_s::text THEN 'hold_s' END], NULL)$function$
;
CREATE OR REPLACE FUNCTION public.model_exact(name text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
AS $function$SELECT name <> ALL ('{fallbacks,retry_on,created_at,updated_at,price_input,price_output,price_cached_input,price_image,price_second,bulk_share}'::text[])$function$
;
CREATE OR REPLACE FUNCTION public.model_follow()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
  PERFORM pg_notify('model_changed', TG_TABLE_SCHEMA || ' ' || coalesce(NEW.name, OLD.name));
  IF TG_OP = 'DELETE' THEN
    RETURN OLD;
  ELSIF TG_OP = 'UPDATE' THEN
    NEW.generation := OLD.generation + 1;
    NEW.updated_at := now();
  ELSIF event_restoring() THEN
    RETURN NEW;
  END IF;
  NEW.updated_by := event_actor();
  RETURN NEW;
END $function$
;
CREATE OR REPLACE FUNCTION public.model_given(this model)
 RETURNS text[]
 LANGUAGE sql
 STABLE
AS $function$SELECT array_remove(ARRAY[CASE WHEN this.strategy::text IS DISTINCT FROM (NULL)::text THEN 'strategy' END, CASE WHEN this.fallbacks::text IS DISTINCT FROM ('{}'::text[])::text THEN 'fallbacks' END, CASE WHEN this.retries::text IS DISTINCT FROM (NULL)::text THEN 'retries' END, CASE WHEN this.retry_on::text IS DISTINCT FROM (NULL)::text THEN 'retry_on' END, CASE WHEN this.queue_max::text IS DISTINCT FROM (NULL)::text THEN 'queue_max' END, CASE WHEN this.queue_wait_ms::text IS DISTINCT FROM (NULL)::text THEN 'queue_wait_ms' END, CASE WHEN this.connect_ms::text IS DISTINCT FROM (NULL)::text THEN 'connect_ms' END, CASE WHEN this.first_byte_ms::text IS DISTINCT FROM (NULL)::text THEN 'first_byte_ms' END, CASE WHEN this.idle_ms::text IS DISTINCT FROM (NULL)::text THEN 'idle_ms' END, CASE WHEN this.total_ms::text IS DISTINCT FROM (NULL)::text THEN 'total_ms' END, CASE WHEN this.price_currency::text IS DISTINCT FROM (NULL)::text THEN 'price_currency' END, CASE WHEN this.price_input::text IS DISTINCT FROM (NULL)::text THEN 'price_input' END, CASE WHEN this.price_output::text IS DISTINCT FROM (NULL)::text THEN 'price_output' END, CASE WHEN this.price_cached_input::text IS DISTINCT FROM (NULL)::text THEN 'price_cached_input' END, CASE WHEN this.price_image::text IS DISTINCT FROM (NULL)::text THEN 'price_image' END, CASE WHEN this.price_second::text IS DISTINCT FROM (NULL)::text THEN 'price_second' END, CASE WHEN this.priority::text IS DISTINCT FROM (NULL)::text THEN 'priority' END, CASE WHEN this.bulk_share::text IS DISTINCT FROM (NULL)::text THEN 'bulk_share' END, CASE WHEN this.hold_s::text IS DISTINCT FROM (NULL)::text THEN 'hold_s' END], NULL)$function$
;
CREATE OR REPLACE FUNCTION public.model_has_cycle(start text)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  WITH RECURSIVE reached (name) AS (
    SELECT unnest(fallbacks) FROM model WHERE name = start
    UNION SELECT unnest(m.fallbacks) FROM reached JOIN model m ON m.name = reached.name)
  SELECT EXISTS (SELECT FROM reached WHERE name = start)
$function$
;
CREATE OR REPLACE FUNCTION public.model_kept(this model, names text[])
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
AS $function$
DECLARE
  result jsonb;
  name text;
BEGIN
  FOREACH name IN ARRAY names LOOP
    IF NOT model_exact(name) THEN
      result := coalesce(result, '{}') || jsonb_build_object(name, model_text(this, name));
    END IF;
  END LOOP;
  RETURN result;
END $function$
;
CREATE OR REPLACE FUNCTION public.model_record()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
  names text[];
BEGIN
  IF event_restoring() THEN
    RETURN NULL;
  END IF;
  IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND NEW.name <> OLD.name THEN
    PERFORM record_event('model', NULL, OLD.name, NULL, 'deleted', '', OLD.generation,
      model_values(OLD, model_given(OLD)), NULL, model_row(OLD), NULL);
  END IF;
  IF TG_OP = 'INSERT' OR TG_OP = 'UPDATE' AND NEW.name <> OLD.name THEN
    PERFORM record_event('model', NULL, NEW.name, NULL, CASE WHEN nullif(current_setting('mmm.undoes', true), '') IS NULL THEN 'created' ELSE 'restored' END,
      '', NEW.generation, NULL, model_values(NEW, model_given(NEW)), NULL, NULL);
  ELSIF TG_OP = 'UPDATE' THEN
    names := model_changes(OLD, NEW);
    IF cardinality(names) > 0 THEN
      PERFORM record_event('model', NULL, NEW.name, NULL, 'changed', array_to_string(names, ', '), NEW.generation,
        model_values(OLD, names), model_values(NEW, names), model_kept(OLD, names), model_kept(NEW, names));
    END IF;
  END IF;
  RETURN NULL;
END $function$
;
CREATE OR REPLACE FUNCTION public.model_row(this model)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$SELECT jsonb_object(ARRAY['strategy', 'fallbacks', 'retries', 'retry_on', 'queue_max', 'queue_wait_ms', 'connect_ms', 'first_byte_ms', 'idle_ms', 'total_ms', 'created_at', 'price_currency', 'price_input', 'price_output', 'price_cached_input', 'price_image', 'price_second', 'priority', 'bulk_share', 'hold_s'], ARRAY[this.strategy::text, this.fallbacks::text, this.retries::text, this.retry_on::text, this.queue_max::text, this.queue_wait_ms::text, this.connect_ms::text, this.first_byte_ms::text, this.idle_ms::text, this.total_ms::text, to_jsonb(this.created_at) #>> '{}', this.price_currency::text, this.price_input::text, this.price_output::text, this.price_cached_input::text, this.price_image::text, this.price_second::text, this.priority::text, this.bulk_share::text, this.hold_s::text])$function$
;
CREATE OR REPLACE FUNCTION public.model_shown(this model, name text)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$SELECT CASE name WHEN 'name' THEN to_jsonb(this.name) WHEN 'strategy' THEN to_jsonb(this.strategy) WHEN 'fallbacks' THEN to_jsonb(this.fallbacks) WHEN 'retries' THEN to_jsonb(this.retries) WHEN 'retry_on' THEN to_jsonb(this.retry_on) WHEN 'queue_max' THEN to_jsonb(this.queue_max) WHEN 'queue_wait_ms' THEN to_jsonb(this.queue_wait_ms) WHEN 'connect_ms' THEN to_jsonb(this.connect_ms) WHEN 'first_byte_ms' THEN to_jsonb(this.first_byte_ms) WHEN 'idle_ms' THEN to_jsonb(this.idle_ms) WHEN 'total_ms' THEN to_jsonb(this.total_ms) WHEN 'generation' THEN to_jsonb(this.generation) WHEN 'created_at' THEN to_jsonb(this.created_at) WHEN 'updated_at' THEN to_jsonb(this.updated_at) WHEN 'updated_by' THEN to_jsonb(this.updated_by) WHEN 'price_currency' THEN to_jsonb(this.price_currency) WHEN 'price_input' THEN to_jsonb(this.price_input) WHEN 'price_output' THEN to_jsonb(this.price_output) WHEN 'price_cached_input' THEN to_jsonb(this.price_cached_input) WHEN 'price_image' THEN to_jsonb(this.price_image) WHEN 'price_second' THEN to_jsonb(this.price_second) WHEN 'priority' THEN to_jsonb(this.priority) WHEN 'bulk_share' THEN to_jsonb(this.bulk_share) WHEN 'hold_s' THEN to_jsonb(this.hold_s) END$function$
;
CREATE OR REPLACE FUNCTION public.model_text(this model, name text)
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$SELECT CASE name WHEN 'name' THEN this.name::text WHEN 'strategy' THEN this.strategy::text WHEN 'fallbacks' THEN this.fallbacks::text WHEN 'retries' THEN this.retries::text WHEN 'retry_on' THEN this.retry_on::text WHEN 'queue_max' THEN this.queue_max::text WHEN 'queue_wait_ms' THEN this.queue_wait_ms::text WHEN 'connect_ms' THEN this.connect_ms::text WHEN 'first_byte_ms' THEN this.first_byte_ms::text WHEN 'idle_ms' THEN this.idle_ms::text WHEN 'total_ms' THEN this.total_ms::text WHEN 'generation' THEN this.generation::text WHEN 'created_at' THEN to_jsonb(this.created_at) #>> '{}' WHEN 'updated_at' THEN to_jsonb(this.updated_at) #>> '{}' WHEN 'updated_by' THEN this.updated_by::text WHEN 'price_currency' THEN this.price_currency::text WHEN 'price_input' THEN this.price_input::text WHEN 'price_output' THEN this.price_output::text WHEN 'price_cached_input' THEN this.price_cached_input::text WHEN 'price_image' THEN this.price_image::text WHEN 'price_second' THEN this.price_second::text WHEN 'priority' THEN this.priority::text WHEN 'bulk_share' THEN this.bulk_share::text WHEN 'hold_s' THEN this.hold_s::text END$function$
;
CREATE OR REPLACE FUNCTION public.model_values(this model, names text[])
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
AS $function$
DECLARE
  result jsonb := '{}';
  name text;
BEGIN
  FOREACH name IN ARRAY names LOOP
    result := result || jsonb_build_object(name, model_shown(this, name));
  END LOOP;
  RETURN result;
END $function$
;
CREATE OR REPLACE FUNCTION public.purge_events(days integer, most integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
  purged integer;
BEGIN
  WITH gone AS (
    DELETE FROM event WHERE id IN (
      SELECT id FROM event WHERE at < now() - make_interval(days => greatest(days, 7)) ORDER BY at LIMIT most) RETURNING id),
  undo AS (DELETE FROM event_undo u USING gone WHERE u.event_id = gone.id)
  SELECT count(*) INTO purged FROM gone;
  DELETE FROM event_undo WHERE event_id < (SELECT min(id) FROM event);
  RETURN purged;
END $function$
;
CREATE OR REPLACE FUNCTION public.record_event(subject text, subject_id uuid, subject_name text, url text, kind text, note text, generation integer, before jsonb, after jsonb, kept_before jsonb, kept_after jsonb)
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
END $function$
;
CREATE OR REPLACE FUNCTION public.record_requests(worker_id uuid, kind text, note text, host text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
  IF kind NOT IN ('ejected', 'failing', 'serving') THEN
    RAISE EXCEPTION 'record_requests() records ejected, failing and serving, not %', kind USING ERRCODE = 'insufficient_privilege';
  END IF;
  INSERT INTO event (subject_id, subject_name, worker_name, req_url_template, kind, note, actor, via, role, generation)
    SELECT w.id, w.model_name, w.name, split_part(event_url(w.req_url_template), '?', 1), record_requests.kind, record_requests.note, 'requests on ' || host,
      'service', session_user, w.generation
    FROM worker w WHERE w.id = record_requests.worker_id;
END $function$
;
CREATE OR REPLACE FUNCTION public.refuse_row(relation regclass, broken text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
  "table" text := (SELECT relname FROM pg_class WHERE oid = relation);
  "schema" text := (SELECT relnamespace::regnamespace FROM pg_class WHERE oid = relation);
  "column" text := substr(broken, length('NOT NULL ') + 1);
BEGIN
  IF starts_with(broken, 'NOT NULL ') THEN
    RAISE EXCEPTION 'null value in column "%" of relation "%" violates not-null constraint', "column", "table"
      USING ERRCODE = 'not_null_violation', SCHEMA = "schema", TABLE = "table", COLUMN = "column";
  END IF;
  RAISE EXCEPTION 'new row for relation "%" violates check constraint "%"', "table", broken
    USING ERRCODE = 'check_violation', SCHEMA = "schema", TABLE = "table", CONSTRAINT = broken,
      HINT = (SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = relation AND conname = broken);
END $function$
;
CREATE OR REPLACE FUNCTION public.session_end_before()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
  IF event_restoring() THEN
    RETURN NEW;
  END IF;
  -- Until the end of the transaction, so that times rise in the order of commits.
  PERFORM pg_advisory_xact_lock(hashtextextended('session_end', 0));
  -- Replicas read whole milliseconds.
  NEW.ended_at := date_trunc('milliseconds', greatest(clock_timestamp(), (SELECT max(ended_at) FROM session_end) + interval '1 millisecond'));
  NEW.ended_by := event_actor();
  IF TG_OP = 'INSERT' THEN
    DELETE FROM session_end WHERE user_name = NEW.user_name;
  END IF;
  RETURN NEW;
END $function$
;
CREATE OR REPLACE FUNCTION public.session_end_record()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
  PERFORM pg_notify('access_changed', TG_TABLE_SCHEMA || ' session');
  IF event_restoring() THEN
    RETURN NULL;
  ELSIF TG_OP <> 'DELETE' THEN
    PERFORM record_event('session', NULL, coalesce(nullif(NEW.user_name, ''), '*'), NULL, 'ended', '', NULL, NULL, NULL, NULL, NULL);
  -- Neither one that an INSERT replaces, nor one that ends no session any more.
  ELSIF pg_trigger_depth() = 1 AND OLD.ended_at >= now() - interval '1 day' THEN
    PERFORM record_event('session', NULL, coalesce(nullif(OLD.user_name, ''), '*'), NULL, 'deleted', '', NULL, NULL, NULL, NULL, NULL);
  END IF;
  RETURN NULL;
END $function$
;
CREATE OR REPLACE FUNCTION public.signing_key_check()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
DECLARE
  broken text := (SELECT CASE
      WHEN name IS NULL THEN 'NOT NULL name'
      WHEN secret IS NULL THEN 'NOT NULL secret'
      WHEN created_at IS NULL THEN 'NOT NULL created_at'
      WHEN NOT (octet_length(secret) = 32) THEN 'signing_key_length'
    END FROM (SELECT NEW.name, NEW.secret, NEW.created_at) AS this);
BEGIN
  IF broken IS NOT NULL THEN
    PERFORM public.refuse_row(TG_RELID, broken);
  END IF;
  RETURN NEW;
END $function$
;
CREATE OR REPLACE FUNCTION public.undo_event(event_id bigint, force boolean DEFAULT false)
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
  e event;
  kept event_undo;
  what text;
  target text;
  w worker;
  m model;
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
  ELSIF e.subject IN ('key', 'team') THEN
    RAISE EXCEPTION 'event % (%) cannot be undone: it is about a key or a team; change that itself', e.id, e.kind;
  ELSIF e.kind IN ('healthy', 'suspect', 'unhealthy', 'warming', 'unknown', 'recovered', 'ejected', 'failing', 'serving') THEN
    RAISE EXCEPTION 'event % (%) cannot be undone: it says what probes or requests showed, and only changes of a definition, of admin_state or of a policy can be undone', e.id, e.kind;
  ELSIF e.before IS NULL AND e.after IS NULL THEN
    RAISE EXCEPTION 'event % (%) cannot be undone: it holds no values', e.id, e.kind
      USING HINT = 'Events of releases before this one hold none; nor do those that changed nothing.';
  END IF;
  SELECT * INTO kept FROM event_undo u WHERE u.event_id = e.id;
  what := CASE e.subject WHEN 'worker' THEN 'worker ' || e.subject_id ELSE 'the policy of model ' || e.subject_name END;
  target := CASE e.subject WHEN 'worker' THEN format('id = %L', e.subject_id) ELSE format('name = %L', e.subject_name) END;
  IF e.subject = 'worker' THEN
    SELECT * INTO w FROM worker WHERE id = e.subject_id FOR UPDATE;
    found_generation := w.generation;
  ELSE
    SELECT * INTO m FROM model x WHERE x.name = e.subject_name FOR UPDATE;
    found_generation := m.generation;
  END IF;

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
        value := CASE e.subject WHEN 'worker' THEN worker_text(w, name) ELSE model_text(m, name) END;
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
END $function$
;
CREATE OR REPLACE FUNCTION public.worker_before_update()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
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
    NEW.admin_state_by := event_actor();
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
AS $function$SELECT array_remove(ARRAY[CASE WHEN before.model_name::text IS DISTINCT FROM after.model_name::text THEN 'model_name' END, CASE WHEN before.name::text IS DISTINCT FROM after.name::text THEN 'name' END, CASE WHEN before.req_url_template::text IS DISTINCT FROM after.req_url_template::text THEN 'req_url_template' END, CASE WHEN before.owner::text IS DISTINCT FROM after.owner::text THEN 'owner' END, CASE WHEN before.protocol::text IS DISTINCT FROM after.protocol::text THEN 'protocol' END, CASE WHEN before.task::text IS DISTINCT FROM after.task::text THEN 'task' END, CASE WHEN before.worker_type::text IS DISTINCT FROM after.worker_type::text THEN 'worker_type' END, CASE WHEN before.req_type::text IS DISTINCT FROM after.req_type::text THEN 'req_type' END, CASE WHEN before.body::text IS DISTINCT FROM after.body::text THEN 'body' END, CASE WHEN before.body_format::text IS DISTINCT FROM after.body_format::text THEN 'body_format' END, CASE WHEN before.req_param::text IS DISTINCT FROM after.req_param::text THEN 'req_param' END, CASE WHEN before.header::text IS DISTINCT FROM after.header::text THEN 'header' END, CASE WHEN before.sealed_header::text IS DISTINCT FROM after.sealed_header::text THEN 'sealed_header' END, CASE WHEN before.response_extract::text IS DISTINCT FROM after.response_extract::text THEN 'response_extract' END, CASE WHEN before.success_when::text IS DISTINCT FROM after.success_when::text THEN 'success_when' END, CASE WHEN before.is_stream::text IS DISTINCT FROM after.is_stream::text THEN 'is_stream' END, CASE WHEN before.defaults::text IS DISTINCT FROM after.defaults::text THEN 'defaults' END, CASE WHEN before.weight::text IS DISTINCT FROM after.weight::text THEN 'weight' END, CASE WHEN before.priority::text IS DISTINCT FROM after.priority::text THEN 'priority' END, CASE WHEN before.max_concurrency::text IS DISTINCT FROM after.max_concurrency::text THEN 'max_concurrency' END, CASE WHEN before.labels::text IS DISTINCT FROM after.labels::text THEN 'labels' END, CASE WHEN before.connect_ms::text IS DISTINCT FROM after.connect_ms::text THEN 'connect_ms' END, CASE WHEN before.first_byte_ms::text IS DISTINCT FROM after.first_byte_ms::text THEN 'first_byte_ms' END, CASE WHEN before.idle_ms::text IS DISTINCT FROM after.idle_ms::text THEN 'idle_ms' END, CASE WHEN before.total_ms::text IS DISTINCT FROM after.total_ms::text THEN 'total_ms' END, CASE WHEN before.on_disconnect::text IS DISTINCT FROM after.on_disconnect::text THEN 'on_disconnect' END, CASE WHEN before.health_check::text IS DISTINCT FROM after.health_check::text THEN 'health_check' END, CASE WHEN before.heartbeat_ttl_s::text IS DISTINCT FROM after.heartbeat_ttl_s::text THEN 'heartbeat_ttl_s' END, CASE WHEN before.upstream_model::text IS DISTINCT FROM after.upstream_model::text THEN 'upstream_model' END, CASE WHEN before.stream_extract::text IS DISTINCT FROM after.stream_extract::text THEN 'stream_extract' END, CASE WHEN before.usage_extract::text IS DISTINCT FROM after.usage_extract::text THEN 'usage_extract' END, CASE WHEN before.any_task::text IS DISTINCT FROM after.any_task::text THEN 'any_task' END, CASE WHEN before.poll::text IS DISTINCT FROM after.poll::text THEN 'poll' END, CASE WHEN before.choices::text IS DISTINCT FROM after.choices::text THEN 'choices' END, CASE WHEN before.profile::text IS DISTINCT FROM after.profile::text THEN 'profile' END, CASE WHEN before.registered_by_key::text IS DISTINCT FROM after.registered_by_key::text THEN 'registered_by_key' END, CASE WHEN before.registered_by_team::text IS DISTINCT FROM after.registered_by_team::text THEN 'registered_by_team' END, CASE WHEN before.wake::text IS DISTINCT FROM after.wake::text THEN 'wake' END, CASE WHEN before.sleep::text IS DISTINCT FROM after.sleep::text THEN 'sleep' END, CASE WHEN before.asleep_when::text IS DISTINCT FROM after.asleep_when::text THEN 'asleep_when' END], NULL)$function$
;
CREATE OR REPLACE FUNCTION public.worker_check()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
DECLARE
  broken text := (SELECT CASE
      WHEN id IS NULL THEN 'NOT NULL id'
      WHEN model_name IS NULL THEN 'NOT NULL model_name'
      WHEN name IS NULL THEN 'NOT NULL name'
      WHEN req_url_template IS NULL THEN 'NOT NULL req_url_template'
      WHEN owner IS NULL THEN 'NOT NULL owner'
      WHEN protocol IS NULL THEN 'NOT NULL protocol'
      WHEN task IS NULL THEN 'NOT NULL task'
      WHEN worker_type IS NULL THEN 'NOT NULL worker_type'
      WHEN req_type IS NULL THEN 'NOT NULL req_type'
      WHEN body_format IS NULL THEN 'NOT NULL body_format'
      WHEN response_extract IS NULL THEN 'NOT NULL response_extract'
      WHEN is_stream IS NULL THEN 'NOT NULL is_stream'
      WHEN weight IS NULL THEN 'NOT NULL weight'
      WHEN priority IS NULL THEN 'NOT NULL priority'
      WHEN max_concurrency IS NULL THEN 'NOT NULL max_concurrency'
      WHEN labels IS NULL THEN 'NOT NULL labels'
      WHEN on_disconnect IS NULL THEN 'NOT NULL on_disconnect'
      WHEN admin_state IS NULL THEN 'NOT NULL admin_state'
      WHEN admin_state_since IS NULL THEN 'NOT NULL admin_state_since'
      WHEN admin_state_by IS NULL THEN 'NOT NULL admin_state_by'
      WHEN health IS NULL THEN 'NOT NULL health'
      WHEN health_reason IS NULL THEN 'NOT NULL health_reason'
      WHEN health_since IS NULL THEN 'NOT NULL health_since'
      WHEN generation IS NULL THEN 'NOT NULL generation'
      WHEN created_at IS NULL THEN 'NOT NULL created_at'
      WHEN updated_at IS NULL THEN 'NOT NULL updated_at'
      WHEN any_task IS NULL THEN 'NOT NULL any_task'
      WHEN NOT (admin_state = ANY (ARRAY['enabled'::text, 'disabled'::text, 'draining'::text, 'offline'::text])) THEN 'worker_admin_state_known'
      WHEN NOT (body_format = ANY (ARRAY['json'::text, 'form'::text, 'multipart'::text])) THEN 'worker_body_format_known_2'
      WHEN NOT (char_length(response_extract) <= 500) THEN 'worker_extract_length'
      WHEN NOT (generation > 0) THEN 'worker_generation_positive'
      WHEN NOT (health = ANY (ARRAY['unknown'::text, 'healthy'::text, 'suspect'::text, 'unhealthy'::text, 'warming'::text])) THEN 'worker_health_known'
      WHEN NOT ((heartbeat_ttl_s >= 1) AND (heartbeat_ttl_s <= 86400)) THEN 'worker_heartbeat_ttl_range'
      WHEN NOT ((max_concurrency >= 1) AND (max_concurrency <= 100000)) THEN 'worker_max_concurrency_range'
      WHEN NOT ((char_length(model_name) >= 1) AND (char_length(model_name) <= 200)) THEN 'worker_model_name_length'
      WHEN NOT (char_length(name) <= 200) THEN 'worker_name_length'
      WHEN NOT (on_disconnect = ANY (ARRAY['abort'::text, 'finish'::text])) THEN 'worker_on_disconnect_known'
      WHEN NOT (char_length(owner) <= 200) THEN 'worker_owner_length'
      WHEN NOT ((priority >= 0) AND (priority <= 1000)) THEN 'worker_priority_range'
      WHEN NOT (jsonb_typeof(profile) = 'object'::text) THEN 'worker_profile_object'
      WHEN NOT (protocol = ANY (ARRAY['template'::text, 'openai'::text, 'anthropic'::text, 'gemini'::text])) THEN 'worker_protocol_known'
      WHEN NOT (req_type = ANY (ARRAY['GET'::text, 'POST'::text])) THEN 'worker_req_type_known'
      WHEN NOT ((wake IS NOT NULL) OR ((sleep IS NULL) AND (asleep_when IS NULL))) THEN 'worker_sleep_needs_wake'
      WHEN NOT (task = ANY (ARRAY['chat'::text, 'completion'::text, 'embedding'::text, 'image'::text, 'video'::text, 'audio'::text])) THEN 'worker_task_known'
      WHEN NOT ((connect_ms > 0) AND (first_byte_ms > 0) AND (idle_ms > 0) AND (total_ms > 0)) THEN 'worker_timeouts_positive'
      WHEN NOT (worker_type = ANY (ARRAY['REMOTE'::text, 'LOCAL'::text])) THEN 'worker_type_known'
      WHEN NOT ((char_length(upstream_model) >= 1) AND (char_length(upstream_model) <= 200)) THEN 'worker_upstream_model_length'
      WHEN NOT ((req_url_template ~ '^https?://'::text) AND (char_length(req_url_template) <= 2048)) THEN 'worker_url_http'
      WHEN NOT ((weight >= 1) AND (weight <= 1000)) THEN 'worker_weight_range'
    END FROM (SELECT NEW.id, NEW.model_name, NEW.name, NEW.req_url_template, NEW.owner, NEW.protocol, NEW.task, NEW.worker_type, NEW.req_type, NEW.body_format, NEW.response_extract, NEW.is_stream, NEW.weight, NEW.priority, NEW.max_concurrency, NEW.labels, NEW.connect_ms, NEW.first_byte_ms, NEW.idle_ms, NEW.total_ms, NEW.on_disconnect, NEW.admin_state, NEW.admin_state_since, NEW.admin_state_by, NEW.health, NEW.health_reason, NEW.health_since, NEW.generation, NEW.created_at, NEW.updated_at, NEW.heartbeat_ttl_s, NEW.upstream_model, NEW.any_task, NEW.profile, NEW.wake, NEW.sleep, NEW.asleep_when) AS this);
BEGIN
  IF broken IS NOT NULL THEN
    PERFORM public.refuse_row(TG_RELID, broken);
  END IF;
  RETURN NEW;
END $function$
;
CREATE OR REPLACE FUNCTION public.worker_event_write()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
  IF TG_OP = 'INSERT' AND NEW.actor LIKE 'requests on %' THEN
    PERFORM record_requests(NEW.worker_id, NEW.kind, NEW.detail, substr(NEW.actor, length('requests on ') + 1));
    RETURN NEW;
  ELSIF TG_OP = 'DELETE' AND OLD.at < now() - interval '7 days' THEN
    DELETE FROM event WHERE id = OLD.id;
    DELETE FROM event_undo WHERE event_id = OLD.id;
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'worker_event is a view for the release before: it takes what requests showed, and deletes events older than 7 days'
    USING ERRCODE = 'insufficient_privilege';
END $function$
;
CREATE OR REPLACE FUNCTION public.worker_exact(name text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
AS $function$SELECT name <> ALL ('{id,req_url_template,body,req_param,header,sealed_header,success_when,defaults,labels,health_check,admin_state_since,health_since,created_at,updated_at,stream_extract,usage_extract,poll,choices,profile,registered_by_key,wake,sleep,asleep_when}'::text[])$function$
;
CREATE OR REPLACE FUNCTION public.worker_follow()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
  IF TG_OP = 'DELETE' THEN
    PERFORM pg_notify('worker_changed', TG_TABLE_SCHEMA || ' ' || OLD.id);
    RETURN NULL;
  ELSIF TG_OP = 'INSERT' THEN
    INSERT INTO worker_probe (worker_id, generation) VALUES (NEW.id, NEW.generation) ON CONFLICT (worker_id) DO NOTHING;
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
CREATE OR REPLACE FUNCTION public.worker_given(this worker)
 RETURNS text[]
 LANGUAGE sql
 STABLE
AS $function$SELECT array_remove(ARRAY[CASE WHEN this.model_name::text IS DISTINCT FROM (NULL)::text THEN 'model_name' END, CASE WHEN this.name::text IS DISTINCT FROM (''::text)::text THEN 'name' END, CASE WHEN this.req_url_template::text IS DISTINCT FROM (NULL)::text THEN 'req_url_template' END, CASE WHEN this.owner::text IS DISTINCT FROM (''::text)::text THEN 'owner' END, CASE WHEN this.protocol::text IS DISTINCT FROM ('template'::text)::text THEN 'protocol' END, CASE WHEN this.task::text IS DISTINCT FROM ('chat'::text)::text THEN 'task' END, CASE WHEN this.worker_type::text IS DISTINCT FROM ('REMOTE'::text)::text THEN 'worker_type' END, CASE WHEN this.req_type::text IS DISTINCT FROM ('POST'::text)::text THEN 'req_type' END, CASE WHEN this.body::text IS DISTINCT FROM (NULL)::text THEN 'body' END, CASE WHEN this.body_format::text IS DISTINCT FROM ('json'::text)::text THEN 'body_format' END, CASE WHEN this.req_param::text IS DISTINCT FROM (NULL)::text THEN 'req_param' END, CASE WHEN this.header::text IS DISTINCT FROM (NULL)::text THEN 'header' END, CASE WHEN this.sealed_header::text IS DISTINCT FROM (NULL)::text THEN 'sealed_header' END, CASE WHEN this.response_extract::text IS DISTINCT FROM (''::text)::text THEN 'response_extract' END, CASE WHEN this.success_when::text IS DISTINCT FROM (NULL)::text THEN 'success_when' END, CASE WHEN this.is_stream::text IS DISTINCT FROM (false)::text THEN 'is_stream' END, CASE WHEN this.defaults::text IS DISTINCT FROM (NULL)::text THEN 'defaults' END, CASE WHEN this.weight::text IS DISTINCT FROM (1)::text THEN 'weight' END, CASE WHEN this.priority::text IS DISTINCT FROM (0)::text THEN 'priority' END, CASE WHEN this.max_concurrency::text IS DISTINCT FROM (64)::text THEN 'max_concurrency' END, CASE WHEN this.labels::text IS DISTINCT FROM ('{}'::json)::text THEN 'labels' END, CASE WHEN this.connect_ms::text IS DISTINCT FROM (NULL)::text THEN 'connect_ms' END, CASE WHEN this.first_byte_ms::text IS DISTINCT FROM (NULL)::text THEN 'first_byte_ms' END, CASE WHEN this.idle_ms::text IS DISTINCT FROM (NULL)::text THEN 'idle_ms' END, CASE WHEN this.total_ms::text IS DISTINCT FROM (NULL)::text THEN 'total_ms' END, CASE WHEN this.on_disconnect::text IS DISTINCT FROM ('abort'::text)::text THEN 'on_disconnect' END, CASE WHEN this.health_check::text IS DISTINCT FROM (NULL)::text THEN 'health_check' END, CASE WHEN this.heartbeat_ttl_s::text IS DISTINCT FROM (NULL)::text THEN 'heartbeat_ttl_s' END, CASE WHEN this.upstream_model::text IS DISTINCT FROM (NULL)::text THEN 'upstream_model' END, CASE WHEN this.stream_extract::text IS DISTINCT FROM (NULL)::text THEN 'stream_extract' END, CASE WHEN this.usage_extract::text IS DISTINCT FROM (NULL)::text THEN 'usage_extract' END, CASE WHEN this.any_task::text IS DISTINCT FROM (false)::text THEN 'any_task' END, CASE WHEN this.poll::text IS DISTINCT FROM (NULL)::text THEN 'poll' END, CASE WHEN this.choices::text IS DISTINCT FROM (NULL)::text THEN 'choices' END, CASE WHEN this.profile::text IS DISTINCT FROM (NULL)::text THEN 'profile' END, CASE WHEN this.registered_by_key::text IS DISTINCT FROM (NULL)::text THEN 'registered_by_key' END, CASE WHEN this.registered_by_team::text IS DISTINCT FROM (NULL)::text THEN 'registered_by_team' END, CASE WHEN this.wake::text IS DISTINCT FROM (NULL)::text THEN 'wake' END, CASE WHEN this.sleep::text IS DISTINCT FROM (NULL)::text THEN 'sleep' END, CASE WHEN this.asleep_when::text IS DISTINCT FROM (NULL)::text THEN 'asleep_when' END], NULL)$function$
;
CREATE OR REPLACE FUNCTION public.worker_kept(this worker, names text[], shown jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
AS $function$
DECLARE
  result jsonb;
  name text;
  value text;
BEGIN
  FOREACH name IN ARRAY names LOOP
    IF NOT worker_exact(name) THEN
      value := worker_text(this, name);
      result := coalesce(result, '{}') || CASE WHEN event_keeps(name, value, shown -> name) THEN jsonb_build_object(name, value) ELSE '{}' END;
    END IF;
  END LOOP;
  RETURN result;
END $function$
;
CREATE OR REPLACE FUNCTION public.worker_kept_whole(this worker, shown jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
AS $function$
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
END $function$
;
CREATE OR REPLACE FUNCTION public.worker_power_before()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
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
END $function$
;
CREATE OR REPLACE FUNCTION public.worker_power_follow()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
  IF NEW.wake IS NULL THEN
    DELETE FROM worker_power WHERE worker_id = NEW.id;
  ELSE
    -- What was seen of another definition says nothing about this one.
    INSERT INTO worker_power (worker_id) VALUES (NEW.id) ON CONFLICT (worker_id) DO UPDATE
      SET state = 'awake', reason = '', failures = 0, next_wake_at = now(), sleep_failures = 0, next_sleep_at = now();
  END IF;
  RETURN NULL;
END $function$
;
CREATE OR REPLACE FUNCTION public.worker_power_record()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
  PERFORM pg_notify('worker_changed', TG_TABLE_SCHEMA || ' ' || NEW.worker_id);
  IF NEW.state <> OLD.state AND NOT event_restoring() THEN
    PERFORM record_event('worker', w.id, w.model_name, w.req_url_template, CASE WHEN NEW.failures > OLD.failures THEN 'wake_failed' ELSE NEW.state END,
      NEW.reason, w.generation, jsonb_build_object('power', OLD.state), jsonb_build_object('power', NEW.state), NULL, NULL)
    FROM worker w WHERE w.id = NEW.worker_id;
  END IF;
  RETURN NULL;
END $function$
;
CREATE OR REPLACE FUNCTION public.worker_power_restored()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
  DELETE FROM worker_power WHERE worker_id = NEW.worker_id;
  RETURN NEW;
END $function$
;
CREATE OR REPLACE FUNCTION public.worker_probe_restored()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
  DELETE FROM worker_probe WHERE worker_id = NEW.worker_id;
  RETURN NEW;
END $function$
;
CREATE OR REPLACE FUNCTION public.worker_record()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
  is_undo CONSTANT boolean := nullif(current_setting('mmm.undoes', true), '') IS NOT NULL;
  names text[];
  before jsonb;
  after jsonb;
BEGIN
  IF event_restoring() THEN
    RETURN NULL;
  ELSIF TG_OP = 'INSERT' THEN
    names := worker_given(NEW) || CASE WHEN NEW.admin_state <> 'enabled' THEN '{admin_state}'::text[] END;
    PERFORM record_event('worker', NEW.id, NEW.model_name, NEW.req_url_template, CASE WHEN is_undo THEN 'restored' ELSE 'registered' END,
      '', NEW.generation, NULL, worker_values(NEW, names), NULL, NULL);
    RETURN NULL;
  ELSIF TG_OP = 'DELETE' THEN
    names := worker_given(OLD) || CASE WHEN OLD.admin_state <> 'enabled' THEN '{admin_state}'::text[] END;
    before := worker_values(OLD, names);
    PERFORM record_event('worker', OLD.id, OLD.model_name, OLD.req_url_template, 'deleted', '', OLD.generation,
      before, NULL, worker_kept_whole(OLD, before), NULL);
    RETURN NULL;
  END IF;
  IF NEW.admin_state_since <> OLD.admin_state_since THEN
    PERFORM record_event('worker', NEW.id, NEW.model_name, NEW.req_url_template,
      CASE WHEN OLD.admin_state = 'offline' AND NEW.admin_state = 'enabled' AND NOT is_undo THEN 'registered' ELSE NEW.admin_state END,
      coalesce(current_setting('mmm.note', true), ''), NEW.generation,
      CASE WHEN NEW.admin_state <> OLD.admin_state THEN jsonb_build_object('admin_state', OLD.admin_state) END,
      CASE WHEN NEW.admin_state <> OLD.admin_state THEN jsonb_build_object('admin_state', NEW.admin_state) END, NULL, NULL);
  END IF;
  names := worker_changes(OLD, NEW);
  IF cardinality(names) > 0 THEN
    before := worker_values(OLD, names);
    after := worker_values(NEW, names);
    PERFORM record_event('worker', NEW.id, NEW.model_name, NEW.req_url_template, 'changed', array_to_string(names, ', '), NEW.generation,
      before, after, worker_kept(OLD, names, before), worker_kept(NEW, names, after));
  END IF;
  IF NEW.health <> OLD.health THEN
    PERFORM record_event('worker', NEW.id, NEW.model_name, NEW.req_url_template,
      CASE WHEN NEW.health = 'healthy' AND OLD.health IN ('unhealthy', 'suspect', 'warming') THEN 'recovered' ELSE NEW.health END,
      NEW.health_reason, NEW.generation, jsonb_build_object('health', OLD.health), jsonb_build_object('health', NEW.health), NULL, NULL);
  END IF;
  RETURN NULL;
END $function$
;
CREATE OR REPLACE FUNCTION public.worker_row(this worker)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$SELECT jsonb_object(ARRAY['model_name', 'name', 'req_url_template', 'owner', 'protocol', 'task', 'worker_type', 'req_type', 'body', 'body_format', 'req_param', 'header', 'sealed_header', 'response_extract', 'success_when', 'is_stream', 'defaults', 'weight', 'priority', 'max_concurrency', 'labels', 'connect_ms', 'first_byte_ms', 'idle_ms', 'total_ms', 'on_disconnect', 'health_check', 'admin_state', 'created_at', 'heartbeat_ttl_s', 'upstream_model', 'stream_extract', 'usage_extract', 'any_task', 'poll', 'choices', 'profile', 'registered_by_key', 'registered_by_team', 'wake', 'sleep', 'asleep_when'], ARRAY[this.model_name::text, this.name::text, this.req_url_template::text, this.owner::text, this.protocol::text, this.task::text, this.worker_type::text, this.req_type::text, this.body::text, this.body_format::text, this.req_param::text, this.header::text, this.sealed_header::text, this.response_extract::text, this.success_when::text, this.is_stream::text, this.defaults::text, this.weight::text, this.priority::text, this.max_concurrency::text, this.labels::text, this.connect_ms::text, this.first_byte_ms::text, this.idle_ms::text, this.total_ms::text, this.on_disconnect::text, this.health_check::text, this.admin_state::text, to_jsonb(this.created_at) #>> '{}', this.heartbeat_ttl_s::text, this.upstream_model::text, this.stream_extract::text, this.usage_extract::text, this.any_task::text, this.poll::text, this.choices::text, this.profile::text, this.registered_by_key::text, this.registered_by_team::text, this.wake::text, this.sleep::text, this.asleep_when::text])$function$
;
CREATE OR REPLACE FUNCTION public.worker_shown(this worker, name text)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$SELECT CASE name WHEN 'id' THEN to_jsonb(this.id) WHEN 'model_name' THEN to_jsonb(this.model_name) WHEN 'name' THEN to_jsonb(this.name) WHEN 'req_url_template' THEN to_jsonb(event_url(this.req_url_template)) WHEN 'owner' THEN to_jsonb(this.owner) WHEN 'protocol' THEN to_jsonb(this.protocol) WHEN 'task' THEN to_jsonb(this.task) WHEN 'worker_type' THEN to_jsonb(this.worker_type) WHEN 'req_type' THEN to_jsonb(this.req_type) WHEN 'body' THEN event_masked(event_json(this.body), 'body') WHEN 'body_format' THEN to_jsonb(this.body_format) WHEN 'req_param' THEN event_masked(event_json(this.req_param), 'req_param') WHEN 'header' THEN event_masked(event_json(this.header), 'header') WHEN 'sealed_header' THEN to_jsonb('<sealed>' || left(this.sealed_header, 0)) WHEN 'response_extract' THEN to_jsonb(this.response_extract) WHEN 'success_when' THEN event_masked(event_json(this.success_when), 'success_when') WHEN 'is_stream' THEN to_jsonb(this.is_stream) WHEN 'defaults' THEN event_masked(event_json(this.defaults), 'defaults') WHEN 'weight' THEN to_jsonb(this.weight) WHEN 'priority' THEN to_jsonb(this.priority) WHEN 'max_concurrency' THEN to_jsonb(this.max_concurrency) WHEN 'labels' THEN event_masked(event_json(this.labels), 'labels') WHEN 'connect_ms' THEN to_jsonb(this.connect_ms) WHEN 'first_byte_ms' THEN to_jsonb(this.first_byte_ms) WHEN 'idle_ms' THEN to_jsonb(this.idle_ms) WHEN 'total_ms' THEN to_jsonb(this.total_ms) WHEN 'on_disconnect' THEN to_jsonb(this.on_disconnect) WHEN 'health_check' THEN event_masked(event_json(this.health_check), 'health_check') WHEN 'admin_state' THEN to_jsonb(this.admin_state) WHEN 'admin_state_since' THEN to_jsonb(this.admin_state_since) WHEN 'admin_state_by' THEN to_jsonb(this.admin_state_by) WHEN 'health' THEN to_jsonb(this.health) WHEN 'health_reason' THEN to_jsonb(this.health_reason) WHEN 'health_since' THEN to_jsonb(this.health_since) WHEN 'generation' THEN to_jsonb(this.generation) WHEN 'created_at' THEN to_jsonb(this.created_at) WHEN 'updated_at' THEN to_jsonb(this.updated_at) WHEN 'heartbeat_ttl_s' THEN to_jsonb(this.heartbeat_ttl_s) WHEN 'upstream_model' THEN to_jsonb(this.upstream_model) WHEN 'stream_extract' THEN event_masked(event_json(this.stream_extract), 'stream_extract') WHEN 'usage_extract' THEN event_masked(event_json(this.usage_extract), 'usage_extract') WHEN 'any_task' THEN to_jsonb(this.any_task) WHEN 'poll' THEN event_masked(event_json(this.poll), 'poll') WHEN 'choices' THEN event_masked(event_json(this.choices), 'choices') WHEN 'profile' THEN to_jsonb(this.profile) WHEN 'registered_by_key' THEN to_jsonb(this.registered_by_key) WHEN 'registered_by_team' THEN to_jsonb(this.registered_by_team) WHEN 'wake' THEN event_masked(event_json(this.wake), 'wake') WHEN 'sleep' THEN event_masked(event_json(this.sleep), 'sleep') WHEN 'asleep_when' THEN event_masked(event_json(this.asleep_when), 'asleep_when') END$function$
;
CREATE OR REPLACE FUNCTION public.worker_text(this worker, name text)
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$SELECT CASE name WHEN 'id' THEN this.id::text WHEN 'model_name' THEN this.model_name::text WHEN 'name' THEN this.name::text WHEN 'req_url_template' THEN this.req_url_template::text WHEN 'owner' THEN this.owner::text WHEN 'protocol' THEN this.protocol::text WHEN 'task' THEN this.task::text WHEN 'worker_type' THEN this.worker_type::text WHEN 'req_type' THEN this.req_type::text WHEN 'body' THEN this.body::text WHEN 'body_format' THEN this.body_format::text WHEN 'req_param' THEN this.req_param::text WHEN 'header' THEN this.header::text WHEN 'sealed_header' THEN this.sealed_header::text WHEN 'response_extract' THEN this.response_extract::text WHEN 'success_when' THEN this.success_when::text WHEN 'is_stream' THEN this.is_stream::text WHEN 'defaults' THEN this.defaults::text WHEN 'weight' THEN this.weight::text WHEN 'priority' THEN this.priority::text WHEN 'max_concurrency' THEN this.max_concurrency::text WHEN 'labels' THEN this.labels::text WHEN 'connect_ms' THEN this.connect_ms::text WHEN 'first_byte_ms' THEN this.first_byte_ms::text WHEN 'idle_ms' THEN this.idle_ms::text WHEN 'total_ms' THEN this.total_ms::text WHEN 'on_disconnect' THEN this.on_disconnect::text WHEN 'health_check' THEN this.health_check::text WHEN 'admin_state' THEN this.admin_state::text WHEN 'admin_state_since' THEN to_jsonb(this.admin_state_since) #>> '{}' WHEN 'admin_state_by' THEN this.admin_state_by::text WHEN 'health' THEN this.health::text WHEN 'health_reason' THEN this.health_reason::text WHEN 'health_since' THEN to_jsonb(this.health_since) #>> '{}' WHEN 'generation' THEN this.generation::text WHEN 'created_at' THEN to_jsonb(this.created_at) #>> '{}' WHEN 'updated_at' THEN to_jsonb(this.updated_at) #>> '{}' WHEN 'heartbeat_ttl_s' THEN this.heartbeat_ttl_s::text WHEN 'upstream_model' THEN this.upstream_model::text WHEN 'stream_extract' THEN this.stream_extract::text WHEN 'usage_extract' THEN this.usage_extract::text WHEN 'any_task' THEN this.any_task::text WHEN 'poll' THEN this.poll::text WHEN 'choices' THEN this.choices::text WHEN 'profile' THEN this.profile::text WHEN 'registered_by_key' THEN this.registered_by_key::text WHEN 'registered_by_team' THEN this.registered_by_team::text WHEN 'wake' THEN this.wake::text WHEN 'sleep' THEN this.sleep::text WHEN 'asleep_when' THEN this.asleep_when::text END$function$
;
CREATE OR REPLACE FUNCTION public.worker_values(this worker, names text[])
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
AS $function$
DECLARE
  result jsonb := '{}';
  name text;
BEGIN
  FOREACH name IN ARRAY names LOOP
    result := result || jsonb_build_object(name, worker_shown(this, name));
  END LOOP;
  RETURN result;
END $function$
;
CREATE OR REPLACE FUNCTION public.write_row_checks()
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
  t record;
BEGIN
  FOR t IN
    SELECT c.relname AS "table",
      (SELECT string_agg(format('NEW.%I', attname), ', ' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
          AND (attnotnull OR EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c' AND attnum = ANY (k.conkey)))) AS columns,
      -- In PostgreSQL's own order.
      (SELECT string_agg(format('WHEN %I IS NULL THEN %L', attname, 'NOT NULL ' || attname), E'\n      ' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attnotnull) AS nulls,
      (SELECT string_agg(format('WHEN NOT %s THEN %L', pg_get_expr(conbin, conrelid), conname), E'\n      ' ORDER BY conname)
        FROM pg_constraint WHERE conrelid = c.oid AND contype = 'c') AS checks
    FROM pg_class c WHERE c.oid = ANY ('{worker, job, job_file, job_webhook, api_key, signing_key}'::regclass[])
  LOOP
    EXECUTE format('CREATE OR REPLACE FUNCTION %I() RETURNS trigger LANGUAGE plpgsql AS %L', t."table" || '_check', format('
DECLARE
  broken text := (SELECT CASE
      %s
      %s
    END FROM (SELECT %s) AS this);
BEGIN
  IF broken IS NOT NULL THEN
    PERFORM %I.refuse_row(TG_RELID, broken);
  END IF;
  RETURN NEW;
END ', t.nulls, t.checks, t.columns, current_schema()));
    EXECUTE format('COMMENT ON FUNCTION %I() IS %L', t."table" || '_check', 'Refuses a row that breaks a constraint, and shows none of it.');
    -- By its name it runs after <table>_before…, and sees what that made of the row.
    EXECUTE format('CREATE OR REPLACE TRIGGER %1$I BEFORE INSERT OR UPDATE ON %2$I FOR EACH ROW EXECUTE FUNCTION %1$I()',
      t."table" || '_check', t."table");
  END LOOP;
END $function$
;
CREATE OR REPLACE FUNCTION public.write_worker_changes()
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
  set_by_triggers CONSTANT text[] := '{id, name, admin_state, admin_state_since, admin_state_by, health, health_reason, health_since, generation,
    created_at, updated_at, updated_by}';
  t record;
BEGIN
  FOR t IN
    SELECT c.relname AS "table",
      string_agg(format('CASE WHEN before.%1$I::text IS DISTINCT FROM after.%1$I::text THEN %1$L END', attname), ', ' ORDER BY attnum)
        FILTER (WHERE is_set) AS changes,
      string_agg(format('CASE WHEN this.%1$I::text IS DISTINCT FROM (%2$s)::text THEN %1$L END', attname, coalesce(pg_get_expr(adbin, adrelid), 'NULL')),
        ', ' ORDER BY attnum) FILTER (WHERE is_set) AS given,
      string_agg(format('WHEN %L THEN %s', attname, as_text), ' ' ORDER BY attnum) AS texts,
      format('jsonb_object(ARRAY[%s], ARRAY[%s])', string_agg(quote_literal(attname), ', ' ORDER BY attnum) FILTER (WHERE is_kept),
        string_agg(as_text, ', ' ORDER BY attnum) FILTER (WHERE is_kept)) AS whole,
      array_agg(attname::text ORDER BY attnum) FILTER (WHERE attname IN ('sealed_header', 'req_url_template')
        OR atttypid NOT IN ('text'::regtype, 'integer'::regtype, 'boolean'::regtype)) AS inexact,
      string_agg(format('WHEN %1$L THEN ' || CASE WHEN attname = 'sealed_header' THEN 'to_jsonb(''<sealed>'' || left(this.%1$I, 0))'
          WHEN attname = 'req_url_template' THEN 'to_jsonb(event_url(this.%1$I))'
          WHEN atttypid = 'json'::regtype THEN 'event_masked(event_json(this.%1$I), %1$L)'
          ELSE 'to_jsonb(this.%1$I)' END, attname), ' ' ORDER BY attnum) AS shown
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum,
      LATERAL (SELECT attname <> ALL (set_by_triggers) OR attname = 'name' AND c.relname = 'worker' AS is_set,
        -- Whatever the DateStyle of the session is.
        format(CASE WHEN atttypid = 'timestamptz'::regtype THEN 'to_jsonb(this.%I) #>> ''{}''' ELSE 'this.%I::text' END, attname) AS as_text) AS s,
      LATERAL (SELECT is_set OR attname IN ('admin_state', 'created_at') AS is_kept) AS k
    WHERE c.oid IN ('worker'::regclass, 'model'::regclass) GROUP BY c.relname
  LOOP
    EXECUTE format('CREATE OR REPLACE FUNCTION %I(before %I, after %I) RETURNS text[] LANGUAGE sql STABLE AS %L',
      t."table" || '_changes', t."table", t."table", format('SELECT array_remove(ARRAY[%s], NULL)', t.changes));
    EXECUTE format('CREATE OR REPLACE FUNCTION %I(this %I) RETURNS text[] LANGUAGE sql STABLE AS %L',
      t."table" || '_given', t."table", format('SELECT array_remove(ARRAY[%s], NULL)', t.given));
    EXECUTE format('CREATE OR REPLACE FUNCTION %I(this %I, name text) RETURNS text LANGUAGE sql STABLE AS %L',
      t."table" || '_text', t."table", format('SELECT CASE name %s END', t.texts));
    EXECUTE format('CREATE OR REPLACE FUNCTION %I(this %I, name text) RETURNS jsonb LANGUAGE sql STABLE AS %L',
      t."table" || '_shown', t."table", format('SELECT CASE name %s END', t.shown));
    EXECUTE format('CREATE OR REPLACE FUNCTION %I(this %I) RETURNS jsonb LANGUAGE sql STABLE AS %L',
      t."table" || '_row', t."table", 'SELECT ' || t.whole);
    EXECUTE format('CREATE OR REPLACE FUNCTION %I(name text) RETURNS boolean LANGUAGE sql IMMUTABLE AS %L',
      t."table" || '_exact', format('SELECT name <> ALL (%L::text[])', t.inexact));
  END LOOP;
END $function$
;

CREATE TRIGGER api_key_before BEFORE INSERT OR UPDATE ON api_key FOR EACH ROW EXECUTE FUNCTION access_before();
CREATE TRIGGER api_key_check BEFORE INSERT OR UPDATE ON api_key FOR EACH ROW EXECUTE FUNCTION api_key_check();
CREATE TRIGGER api_key_record AFTER INSERT OR DELETE OR UPDATE ON api_key FOR EACH ROW EXECUTE FUNCTION access_record();
CREATE TRIGGER api_key_recount AFTER UPDATE ON api_key FOR EACH ROW WHEN (old.cost_currency IS DISTINCT FROM new.cost_currency) EXECUTE FUNCTION limit_use_recount();
CREATE TRIGGER event_guard BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON event FOR EACH STATEMENT EXECUTE FUNCTION event_guard();
CREATE TRIGGER event_undo_guard BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON event_undo FOR EACH STATEMENT EXECUTE FUNCTION event_guard();
CREATE TRIGGER job_before_insert BEFORE INSERT ON job FOR EACH ROW EXECUTE FUNCTION job_before();
CREATE TRIGGER job_before_update BEFORE UPDATE ON job FOR EACH ROW WHEN (old.state IS DISTINCT FROM new.state OR old.worker_id IS DISTINCT FROM new.worker_id OR old.upstream_word IS DISTINCT FROM new.upstream_word OR old.progress IS DISTINCT FROM new.progress OR old.queue_position IS DISTINCT FROM new.queue_position OR old.note IS DISTINCT FROM new.note OR old.error_code IS DISTINCT FROM new.error_code OR old.error IS DISTINCT FROM new.error OR old.cancel_wanted IS DISTINCT FROM new.cancel_wanted OR old.submitted_at IS DISTINCT FROM new.submitted_at OR old.expires_at IS DISTINCT FROM new.expires_at) EXECUTE FUNCTION job_before();
CREATE TRIGGER job_check BEFORE INSERT OR UPDATE ON job FOR EACH ROW EXECUTE FUNCTION job_check();
CREATE TRIGGER job_follow_insert AFTER INSERT ON job FOR EACH ROW EXECUTE FUNCTION job_follow();
CREATE TRIGGER job_follow_update AFTER UPDATE ON job FOR EACH ROW WHEN (old.state <> new.state OR old.note <> new.note OR old.cancel_wanted <> new.cancel_wanted) EXECUTE FUNCTION job_follow();
CREATE TRIGGER job_report_end AFTER UPDATE ON job FOR EACH ROW WHEN (old.ended_at IS NULL AND new.ended_at IS NOT NULL AND new.webhook_url IS NOT NULL) EXECUTE FUNCTION job_report_end();
CREATE TRIGGER job_file_check BEFORE INSERT OR UPDATE ON job_file FOR EACH ROW EXECUTE FUNCTION job_file_check();
CREATE TRIGGER job_webhook_check BEFORE INSERT OR UPDATE ON job_webhook FOR EACH ROW EXECUTE FUNCTION job_webhook_check();
CREATE TRIGGER model_follow BEFORE INSERT OR DELETE OR UPDATE ON model FOR EACH ROW EXECUTE FUNCTION model_follow();
CREATE TRIGGER model_record AFTER INSERT OR DELETE OR UPDATE ON model FOR EACH ROW EXECUTE FUNCTION model_record();
CREATE TRIGGER session_end_before BEFORE INSERT OR UPDATE ON session_end FOR EACH ROW EXECUTE FUNCTION session_end_before();
CREATE TRIGGER session_end_record AFTER INSERT OR DELETE OR UPDATE ON session_end FOR EACH ROW EXECUTE FUNCTION session_end_record();
CREATE TRIGGER signing_key_check BEFORE INSERT OR UPDATE ON signing_key FOR EACH ROW EXECUTE FUNCTION signing_key_check();
CREATE TRIGGER team_before BEFORE INSERT OR UPDATE ON team FOR EACH ROW EXECUTE FUNCTION access_before();
CREATE TRIGGER team_record AFTER INSERT OR DELETE OR UPDATE ON team FOR EACH ROW EXECUTE FUNCTION access_record();
CREATE TRIGGER team_recount AFTER UPDATE ON team FOR EACH ROW WHEN (old.cost_currency IS DISTINCT FROM new.cost_currency) EXECUTE FUNCTION limit_use_recount();
CREATE TRIGGER worker_before_update BEFORE UPDATE ON worker FOR EACH ROW EXECUTE FUNCTION worker_before_update();
CREATE TRIGGER worker_check BEFORE INSERT OR UPDATE ON worker FOR EACH ROW EXECUTE FUNCTION worker_check();
CREATE TRIGGER worker_follow AFTER INSERT OR DELETE OR UPDATE ON worker FOR EACH ROW EXECUTE FUNCTION worker_follow();
CREATE TRIGGER worker_power_follow_insert AFTER INSERT ON worker FOR EACH ROW WHEN (new.wake IS NOT NULL) EXECUTE FUNCTION worker_power_follow();
CREATE TRIGGER worker_power_follow_update AFTER UPDATE ON worker FOR EACH ROW WHEN (old.wake::text IS DISTINCT FROM new.wake::text OR old.asleep_when::text IS DISTINCT FROM new.asleep_when::text OR new.wake IS NOT NULL AND old.req_url_template <> new.req_url_template) EXECUTE FUNCTION worker_power_follow();
CREATE TRIGGER worker_record AFTER INSERT OR DELETE OR UPDATE ON worker FOR EACH ROW EXECUTE FUNCTION worker_record();
CREATE TRIGGER worker_event_write INSTEAD OF INSERT OR DELETE OR UPDATE ON worker_event FOR EACH ROW EXECUTE FUNCTION worker_event_write();
CREATE TRIGGER worker_power_before BEFORE UPDATE ON worker_power FOR EACH ROW EXECUTE FUNCTION worker_power_before();
CREATE TRIGGER worker_power_record AFTER UPDATE ON worker_power FOR EACH ROW WHEN (old.state <> new.state OR old.failures <> new.failures OR old.usual_wake_ms IS DISTINCT FROM new.usual_wake_ms OR new.state = 'asleep'::text AND (old.lease_owner IS NULL) <> (new.lease_owner IS NULL)) EXECUTE FUNCTION worker_power_record();
CREATE TRIGGER worker_power_restored BEFORE INSERT ON worker_power FOR EACH ROW WHEN (pg_trigger_depth() = 0 AND current_setting('mmm.restoring'::text, true) = 'on'::text) EXECUTE FUNCTION worker_power_restored();
CREATE TRIGGER worker_probe_restored BEFORE INSERT ON worker_probe FOR EACH ROW WHEN (pg_trigger_depth() = 0 AND current_setting('mmm.restoring'::text, true) = 'on'::text) EXECUTE FUNCTION worker_probe_restored();

COMMENT ON FUNCTION access_before() IS 'Raises the generation of a key or a team that changes.';
COMMENT ON FUNCTION access_record() IS 'Writes the history of keys and teams, with the rights of the owner, and tells replicas.';
COMMENT ON FUNCTION access_shown(this jsonb) IS 'A key or a team as the history shows it.';
COMMENT ON TABLE api_key IS 'Keys that clients send. By hand: INSERT INTO api_key (name, role, hash) VALUES (''ci'', ''inference'', sha256(''…'')). A DELETE takes effect at once, like revoked_at.';
COMMENT ON COLUMN api_key.id IS 'Stays the same when the key is rotated.';
COMMENT ON COLUMN api_key.name IS 'The actor of what it changes; unique among keys that are not revoked.';
COMMENT ON COLUMN api_key.prefix IS 'The first 12 characters of the key, by which people recognise it.';
COMMENT ON COLUMN api_key.hash IS 'SHA-256 of the key. The key itself is stored nowhere.';
COMMENT ON COLUMN api_key.old_hash IS 'SHA-256 of the key before the last rotation.';
COMMENT ON COLUMN api_key.old_hash_until IS 'Until then the key before the last rotation is accepted, too.';
COMMENT ON COLUMN api_key.role IS 'admin: everything. operator: workers, policies and jobs, but no credentials and no keys. registrar: its own workers. inference: calls models. viewer: reads.';
COMMENT ON COLUMN api_key.team IS 'The team; null: none.';
COMMENT ON COLUMN api_key.models IS 'The models it may call: names, or beginnings that end with *; null: all.';
COMMENT ON COLUMN api_key.labels IS 'What people note about it.';
COMMENT ON COLUMN api_key.requests_per_minute IS 'Requests a minute; null: no limit.';
COMMENT ON COLUMN api_key.tokens_per_minute IS 'Tokens a minute, in and out; null: no limit.';
COMMENT ON COLUMN api_key.max_concurrent IS 'Requests at the same time; null: no limit.';
COMMENT ON COLUMN api_key.tokens_per_month IS 'Tokens in a calendar month (UTC); null: no limit.';
COMMENT ON COLUMN api_key.cost_per_month IS 'Cost in a calendar month (UTC), in cost_currency; null: no limit.';
COMMENT ON COLUMN api_key.expires_at IS 'From then on it is refused; null: never.';
COMMENT ON COLUMN api_key.disabled_at IS 'Since when it is switched off; null: it is on.';
COMMENT ON COLUMN api_key.disabled_reason IS 'Why it is switched off.';
COMMENT ON COLUMN api_key.revoked_at IS 'Since when it is refused for good; the row is deleted after 90 days.';
COMMENT ON COLUMN api_key.generation IS 'Rises with every change.';
COMMENT ON COLUMN api_key.created_at IS 'When it was made.';
COMMENT ON COLUMN api_key.created_by IS 'The actor that made it, as in event.actor.';
COMMENT ON COLUMN api_key.updated_at IS 'When it changed last.';
COMMENT ON COLUMN api_key.updated_by IS 'The actor that changed it last, as in event.actor.';
COMMENT ON COLUMN api_key.cost_currency IS 'The currency of cost_per_month, such as EUR: costs in another one do not count. Null: all costs are added as if they were of one currency.';
COMMENT ON COLUMN api_key.priority IS 'The class of its requests that name none: interactive, default or bulk; null: the model decides.';
COMMENT ON COLUMN api_key.may_act_for IS 'The teams for which its requests may be, by the header x-mmm-tenant; an entry *: every name. Null: none. At most 100.';
COMMENT ON FUNCTION api_key_check() IS 'Refuses a row that breaks a constraint, and shows none of it.';
COMMENT ON TABLE api_key_use IS 'When keys were last used.';
COMMENT ON COLUMN api_key_use.key_id IS 'api_key.id.';
COMMENT ON COLUMN api_key_use.last_used_at IS 'When a replica last saw it, within a minute.';
COMMENT ON TABLE event IS 'The history of workers, policies of models, keys, teams and ends of sessions, written by triggers, so that it holds changes by hand, too. No foreign key: it outlives what it is about. SELECT undo_event(id) takes a change of a worker or a policy back. Kept for EVENT_RETENTION_DAYS.';
COMMENT ON COLUMN event.id IS 'Rises with time.';
COMMENT ON COLUMN event.at IS 'When it happened.';
COMMENT ON COLUMN event.subject_id IS 'worker.id or api_key.id, of what may be deleted; null for all else.';
COMMENT ON COLUMN event.subject_name IS 'The model (of a worker at that time its model_name), the key, the team, or the user of the sessions (*: of all).';
COMMENT ON COLUMN event.req_url_template IS 'The URL of the worker at that time, without the query; null for all else.';
COMMENT ON COLUMN event.kind IS 'What was done: registered (a worker, also one that comes back from offline), created (a policy, a key, a team), changed, deleted, restored (a deletion was undone), revoked, rotated (a key), ended (sessions); or the new admin_state; or the new health (recovered: healthy again); or what requests showed: ejected, failing, serving; or the new state of worker_power: awake, asleep, waking, wake_failed.';
COMMENT ON COLUMN event.note IS 'The columns that changed, or the reason of the new health, never a value that could be a secret; or the note of a switch (mmm.note).';
COMMENT ON COLUMN event.actor IS 'The author: the name of a key; root: ADMIN_API_KEY, or a client that needs no key; what the service did by itself, such as health, retention, drained; psql:<role>, or psql:<role>/<actor> where mmm.actor is set.';
COMMENT ON COLUMN event.generation IS 'The generation after the change.';
COMMENT ON COLUMN event.subject IS 'What it is about: a worker, the policy of a model, a key, a team, or sessions.';
COMMENT ON COLUMN event.via IS 'How: api, psql, or service (by itself); null: recorded before this was.';
COMMENT ON COLUMN event.role IS 'The database role that logged in (session_user), which no setting changes; null: recorded before this was.';
COMMENT ON COLUMN event.before IS 'The values before, of the columns that changed; of something deleted, those that differed from the defaults. "<sealed>" stands for what may be a credential and for the query of a URL.';
COMMENT ON COLUMN event.after IS 'The values after, like before; null: it was deleted.';
COMMENT ON COLUMN event.undoes IS 'The event that it took back.';
COMMENT ON COLUMN event.worker_name IS 'The name of the worker at that time, '''' if it had none; NULL: the event is of something else, or was recorded by an earlier release.';
COMMENT ON FUNCTION event_actor() IS 'The author of a change: event.actor.';
COMMENT ON FUNCTION event_credentials() IS 'The names of credentials, without _ and -, separated by |.';
COMMENT ON FUNCTION event_guard() IS 'Refuses every other write to the history but by its owner, whatever is granted.';
COMMENT ON FUNCTION event_headers(header jsonb) IS 'Headers as the history shows them: values that may be credentials read <sealed>.';
COMMENT ON FUNCTION event_json(value json) IS 'As jsonb; what jsonb cannot hold is replaced.';
COMMENT ON FUNCTION event_keeps(name text, value text, shown jsonb) IS 'Whether a value may be kept to undo the change: not one that holds a credential in clear text.';
COMMENT ON FUNCTION event_masked(value jsonb, name text) IS 'A column as the history shows it: values under the names of credentials read <sealed>.';
COMMENT ON FUNCTION event_member(names text) IS 'A pattern of a member of an object in the text of jsonb, by its names, whose value is a credential.';
COMMENT ON FUNCTION event_query(text text) IS 'A text without users and credentials in the queries of its URLs.';
COMMENT ON FUNCTION event_reference(ending text) IS 'A pattern of a value up to its ending that is no credential: placeholders, or ${secret:…} and what may stand beside it.';
COMMENT ON FUNCTION event_restoring() IS 'Whether a data-only restore by the owner runs: it brings its own history, and none is written.';
COMMENT ON FUNCTION event_spellings(names text) IS 'A pattern of these names in all their spellings: with _ and - anywhere.';
COMMENT ON TABLE event_undo IS 'What undo_event() needs of an event besides before and after: values to the letter, and credentials as they are sealed in worker. Never one in clear text. No role that only reads should see this table.';
COMMENT ON COLUMN event_undo.event_id IS 'event.id.';
COMMENT ON COLUMN event_undo.before IS 'The text of each column before.';
COMMENT ON COLUMN event_undo.after IS 'The text of each column after: undo_event() compares it with the row, so that no later change is lost.';
COMMENT ON FUNCTION event_url(url text) IS 'A URL as the history shows it: without user and query.';
COMMENT ON FUNCTION event_via() IS 'How the change came: api, psql or service.';
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
COMMENT ON COLUMN job.priority IS 'Its class: interactive, default or bulk. May be changed while it waits.';
COMMENT ON COLUMN job.tenant IS 'The team that its key acted for, by the header x-mmm-tenant; empty: its own.';
COMMENT ON FUNCTION job_check() IS 'Refuses a row that breaks a constraint, and shows none of it.';
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
COMMENT ON FUNCTION job_file_check() IS 'Refuses a row that breaks a constraint, and shows none of it.';
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
COMMENT ON FUNCTION job_webhook_check() IS 'Refuses a row that breaks a constraint, and shows none of it.';
COMMENT ON TABLE job_worker IS 'What jobs have shown of a worker; no row: nothing bad. Deleting a row forgets it.';
COMMENT ON COLUMN job_worker.worker_id IS 'The worker.';
COMMENT ON COLUMN job_worker.busy_in_row IS 'Submits in a row that it refused as busy.';
COMMENT ON COLUMN job_worker.faults_in_row IS 'Jobs in a row that ended by the worker''s fault: task forgotten, too slow, out of reach.';
COMMENT ON COLUMN job_worker.failures_in_row IS 'Jobs in a row that failed, whatever the cause: from five on, one job at a time.';
COMMENT ON COLUMN job_worker.paused_until IS 'It gets no new jobs until then.';
COMMENT ON COLUMN job_worker.pause_reason IS 'Why it is paused: busy, unreachable or faults.';
COMMENT ON COLUMN job_worker.last_failure IS 'The error of the last job that failed there.';
COMMENT ON COLUMN job_worker.last_failure_at IS 'When that was.';
COMMENT ON TABLE limit_use IS 'What all replicas together have used of the limits of keys and teams; one row for each that was used this month. Replicas exchange through it up to four times a second while requests come. Deleted in the month after the last use. A row that is deleted is made again, with full buckets and the sums of usage_hourly.';
COMMENT ON COLUMN limit_use.subject IS 'key and api_key.id, or team and team.name.';
COMMENT ON COLUMN limit_use.requests_left IS 'What was left of requests_per_minute at updated_at; it refills evenly within a minute. Null: no such limit.';
COMMENT ON COLUMN limit_use.tokens_left IS 'The same of tokens_per_minute. Below 0: requests used more than was estimated.';
COMMENT ON COLUMN limit_use.replicas IS 'By replica.id: its slots of max_concurrent, how many requests it wanted to run at once (wanted), its demand of requests and tokens, and when (atMs, milliseconds since 1970).';
COMMENT ON COLUMN limit_use.month IS 'The first day of the month (UTC) of the sums.';
COMMENT ON COLUMN limit_use.month_tokens IS 'Tokens in and out that were used in the month.';
COMMENT ON COLUMN limit_use.month_cost IS 'What the requests cost, in the cost_currency of the key or team, if it has one.';
COMMENT ON COLUMN limit_use.updated_at IS 'The last exchange.';
COMMENT ON FUNCTION limit_use_recount() IS 'Sums the cost of the month again when cost_currency changes.';
COMMENT ON VIEW live_replica IS 'The rows of replica that reported within the last 15 s; they do so every 5 s. The others have died: SELECT host FROM live_replica;';
COMMENT ON COLUMN live_replica.id IS 'replica.id.';
COMMENT ON COLUMN live_replica.host IS 'replica.host.';
COMMENT ON COLUMN live_replica.version IS 'replica.version.';
COMMENT ON COLUMN live_replica.started_at IS 'replica.started_at.';
COMMENT ON COLUMN live_replica.seen_at IS 'replica.seen_at.';
COMMENT ON COLUMN live_replica.drained IS 'replica.drained.';
COMMENT ON COLUMN live_replica.settings IS 'replica.settings.';
COMMENT ON COLUMN live_replica.draining IS 'replica.draining.';
COMMENT ON COLUMN live_replica.load IS 'replica.load.';
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
COMMENT ON COLUMN model.updated_by IS 'The actor that changed it last, as in event.actor.';
COMMENT ON COLUMN model.price_currency IS 'The currency of the prices, three letters; null: no price.';
COMMENT ON COLUMN model.price_input IS 'For a million tokens of input; null: none.';
COMMENT ON COLUMN model.price_output IS 'For a million tokens of output; null: none.';
COMMENT ON COLUMN model.price_cached_input IS 'For a million tokens of input that the server has in its cache; null: as price_input.';
COMMENT ON COLUMN model.price_image IS 'For an image that is made; null: none.';
COMMENT ON COLUMN model.price_second IS 'For a second of video or audio that is made; null: none.';
COMMENT ON COLUMN model.priority IS 'The class of requests that name none, of keys that name none: interactive, default or bulk; null: default.';
COMMENT ON COLUMN model.bulk_share IS 'The share of the slots that bulk may take while other requests come, 0.05 to 1; null: 0.95.';
COMMENT ON COLUMN model.hold_s IS 'Seconds that a request waits for a worker that is being woken. NULL: SCHEDULING_HOLD_S.';
COMMENT ON FUNCTION model_changes(before model, after model) IS 'The columns of a definition that differ between two versions of a row.';
COMMENT ON FUNCTION model_exact(name text) IS 'Whether event.before shows a column to the letter, so that event_undo need not hold it.';
COMMENT ON FUNCTION model_follow() IS 'Updates generation and updated_*, and notifies the replicas.';
COMMENT ON FUNCTION model_given(this model) IS 'The columns of a definition that differ from their defaults.';
COMMENT ON FUNCTION model_has_cycle(start text) IS 'Whether fallbacks lead from a model back to itself.';
COMMENT ON FUNCTION model_kept(this model, names text[]) IS 'What event_undo keeps of these columns.';
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
COMMENT ON FUNCTION model_record() IS 'Writes the history of policies, with the rights of the owner.';
COMMENT ON FUNCTION model_row(this model) IS 'The text of each column from which a deleted row can be restored.';
COMMENT ON FUNCTION model_shown(this model, name text) IS 'A column as event.before and event.after show it.';
COMMENT ON FUNCTION model_text(this model, name text) IS 'A column as text, from which it can be restored.';
COMMENT ON TABLE model_traffic IS 'The sums of worker_traffic by model, so that shares need no row of each worker. No foreign keys. Kept for 2 hours.';
COMMENT ON COLUMN model_traffic.model_name IS 'The model.';
COMMENT ON COLUMN model_traffic.at IS 'The beginning of the five minutes.';
COMMENT ON COLUMN model_traffic.replica_id IS 'replica.id.';
COMMENT ON COLUMN model_traffic.requests IS 'Attempts of requests at workers of the model that ended.';
COMMENT ON FUNCTION model_values(this model, names text[]) IS 'These columns as event.before and event.after show them.';
COMMENT ON VIEW power_overview IS 'Workers that can sleep, and whether they do: SELECT * FROM power_overview;';
COMMENT ON COLUMN power_overview.model_name IS 'Its model.';
COMMENT ON COLUMN power_overview.name IS 'Its name; empty: it has none.';
COMMENT ON COLUMN power_overview.req_url_template IS 'Where it is called.';
COMMENT ON COLUMN power_overview.state IS 'awake, asleep or waking.';
COMMENT ON COLUMN power_overview.since IS 'When the state last changed.';
COMMENT ON COLUMN power_overview.state_for IS 'For how long.';
COMMENT ON COLUMN power_overview.reason IS 'Why it is in this state, or why the last waking failed.';
COMMENT ON COLUMN power_overview.leased_by IS 'The host of the replica that wakes it, or sends it to sleep; null: none does.';
COMMENT ON COLUMN power_overview.not_woken_before IS 'Not woken before: a waking failed, or the requests that send it to sleep are on their way.';
COMMENT ON COLUMN power_overview.failures IS 'Wakings that failed in a row.';
COMMENT ON COLUMN power_overview.usual_wake IS 'How long a waking usually takes; null: not known yet.';
COMMENT ON COLUMN power_overview.unused_for IS 'Of a worker with sleep: since the last request on any replica, to within 6 s. Of any other: since it became awake.';
COMMENT ON COLUMN power_overview.worker_id IS 'worker.id.';
COMMENT ON FUNCTION purge_events(days integer, most integer) IS 'Deletes up to so many of the oldest events that are older than so many days, at least 7, with the rights of the owner. Returns how many.';
COMMENT ON FUNCTION record_event(subject text, subject_id uuid, subject_name text, url text, kind text, note text, generation integer, before jsonb, after jsonb, kept_before jsonb, kept_after jsonb) IS 'Writes event and event_undo, for triggers.';
COMMENT ON FUNCTION record_requests(worker_id uuid, kind text, note text, host text) IS 'Records what requests show of a worker (ejected, failing, serving) on a host, with the rights of the owner.';
COMMENT ON FUNCTION refuse_row(relation regclass, broken text) IS 'Refuses a row, for <table>_check().';
COMMENT ON TABLE replica IS 'The running copies of the service. One whose seen_at is old is dead; its row is deleted later.';
COMMENT ON COLUMN replica.id IS 'A UUID that is made when the replica starts.';
COMMENT ON COLUMN replica.host IS 'The host or pod that it runs on.';
COMMENT ON COLUMN replica.started_at IS 'When it started.';
COMMENT ON COLUMN replica.seen_at IS 'Its last heartbeat.';
COMMENT ON COLUMN replica.drained IS 'The draining workers on which it has no requests left: worker id to admin_state_since, in milliseconds since 1970.';
COMMENT ON COLUMN replica.version IS 'The version of the service that it runs.';
COMMENT ON COLUMN replica.settings IS 'Hashes of the settings that must be the same on every replica, by name.';
COMMENT ON COLUMN replica.draining IS 'Set once it takes no new requests: how many still run there, by worker. The other replicas use the rest of each max_concurrency.';
COMMENT ON COLUMN replica.load IS 'What it does now: running requests by worker, waiting ones by model (how many, the longest wait in ms), the sums of its last minute. Written every 2 s where it changed.';
COMMENT ON COLUMN replica.knows IS 'The other replicas by which it divides max_concurrency; one that joins uses none of it before all live ones know of it. NULL: its release does not say.';
COMMENT ON COLUMN replica.settled IS 'False while it joins and uses nothing of max_concurrency. NULL: its release does not say.';
COMMENT ON TABLE replica_demand IS 'Slots that move between replicas: what a replica needs and holds of a model for which requests have waited. Gone with the replica.';
COMMENT ON COLUMN replica_demand.replica_id IS 'The replica.';
COMMENT ON COLUMN replica_demand.model_name IS 'The model.';
COMMENT ON COLUMN replica_demand.seen_at IS 'When the replica last took part in the exchange.';
COMMENT ON COLUMN replica_demand.demand IS 'Under "*": slots that its requests could use (means that fade within seconds), whether requests wait, and the same by tenant: weight, live, bulk, and what runs.';
COMMENT ON COLUMN replica_demand.held IS 'Worker id -> requests that may run there from this replica, or that run there if these are more.';
COMMENT ON TABLE replica_fault IS 'Workers that a replica cannot call because of its own address rules, keys or secrets. It leaves their probes to the other replicas. Only a worker that no live replica can call becomes unhealthy.';
COMMENT ON COLUMN replica_fault.worker_id IS 'The worker.';
COMMENT ON COLUMN replica_fault.replica_id IS 'The replica that cannot call it.';
COMMENT ON COLUMN replica_fault.generation IS 'The definition that it cannot call; a row of another generation has no effect.';
COMMENT ON COLUMN replica_fault.reason IS 'Which setting is missing or forbids it.';
COMMENT ON COLUMN replica_fault.since IS 'Since when.';
COMMENT ON TABLE replica_minute IS 'What a replica served in a minute. No rows of idle minutes. No foreign key: it outlives the replica. Kept for 2 hours.';
COMMENT ON COLUMN replica_minute.replica_id IS 'replica.id.';
COMMENT ON COLUMN replica_minute.minute IS 'The beginning of the minute.';
COMMENT ON COLUMN replica_minute.requests IS 'Requests that ended, with a model that is registered.';
COMMENT ON COLUMN replica_minute.failed IS 'Of these, failed by the fault of a worker or of the service.';
COMMENT ON COLUMN replica_minute.saved_by_retry IS 'Of these, served by another attempt after one had failed.';
COMMENT ON COLUMN replica_minute.first_tokens IS 'Times to the first token of streams, counted in the buckets of gen_ai_server_time_to_first_token_seconds; the last one is all above.';
COMMENT ON COLUMN replica_minute.running IS 'Running requests, the mean of the minute.';
COMMENT ON COLUMN replica_minute.waiting IS 'Requests that waited for a worker, the mean of the minute.';
COMMENT ON VIEW replica_overview IS 'The running copies of the service: version, whether they are alive, in what settings they differ, and what they hold: SELECT * FROM replica_overview;';
COMMENT ON COLUMN replica_overview.id IS 'replica.id, and the owner of its leases.';
COMMENT ON COLUMN replica_overview.short_id IS 'The beginning of its id, as in application_name: mmm <short_id> <what for> <host>.';
COMMENT ON COLUMN replica_overview.host IS 'The host it runs on; on Kubernetes, the pod.';
COMMENT ON COLUMN replica_overview.version IS 'The version of the service.';
COMMENT ON COLUMN replica_overview.started_at IS 'When it first reported.';
COMMENT ON COLUMN replica_overview.seen_at IS 'When it last reported; it does so every 5 s.';
COMMENT ON COLUMN replica_overview.alive IS 'It is in live_replica. A replica that stops deletes its row; that of one that died is deleted after an hour.';
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
COMMENT ON VIEW scheduling_overview IS 'Who shares the slots of models for which requests wait, of late, at two replicas or more: SELECT * FROM scheduling_overview;';
COMMENT ON COLUMN scheduling_overview.model_name IS 'The model.';
COMMENT ON COLUMN scheduling_overview.tenant IS 'A team; "key" or "user" and its name, of what is in no team; empty: requests without a key. A team whose name begins like one of these has "team: " before it. "all others": where a replica has more than 200, those that want least, as one.';
COMMENT ON COLUMN scheduling_overview.weight IS 'Its part of the slots beside the others: 1 to 1000. Of "all others" the most that a replica has of them together.';
COMMENT ON COLUMN scheduling_overview.running IS 'Requests that run at all replicas, without bulk.';
COMMENT ON COLUMN scheduling_overview.running_bulk IS 'Bulk requests that run.';
COMMENT ON COLUMN scheduling_overview.wanted IS 'Slots that its requests could use, running ones included, without bulk: a mean that fades within seconds.';
COMMENT ON COLUMN scheduling_overview.wanted_bulk IS 'The same of bulk.';
COMMENT ON COLUMN scheduling_overview.percent IS 'Its part of what runs; null: nothing runs.';
COMMENT ON COLUMN scheduling_overview.by_replica IS 'Replica id -> its requests that run there.';
COMMENT ON COLUMN scheduling_overview.seen_at IS 'When a replica last reported it: each second while requests wait, and 10 s more.';
COMMENT ON TABLE session_end IS 'Sessions that began before ended_at have ended, on every replica within a second. By hand: INSERT INTO session_end (user_name) VALUES (''ann@example.org''). Kept for a day, as no session lasts longer than 8 hours; the history keeps it longer.';
COMMENT ON COLUMN session_end.user_name IS 'The user as the history names it, or as its provider does, or the name of a key; empty: all sessions.';
COMMENT ON COLUMN session_end.ended_at IS 'Sessions that began before this time have ended. Set by the database, later than all others.';
COMMENT ON COLUMN session_end.ended_by IS 'Who ended them, as in event.actor.';
COMMENT ON FUNCTION session_end_before() IS 'Sets ended_at and ended_by. One write at a time, so that ended_at rises in the order of commits.';
COMMENT ON FUNCTION session_end_record() IS 'Writes the history of session_end, with the rights of the owner, and tells replicas.';
COMMENT ON TABLE signing_key IS 'Keys that all replicas share. Deleting one makes a new one within a minute, and ends what the old one signed. No role that only reads should see this table.';
COMMENT ON COLUMN signing_key.name IS 'What it signs: file_links.';
COMMENT ON COLUMN signing_key.secret IS '32 random bytes.';
COMMENT ON COLUMN signing_key.created_at IS 'When it was made.';
COMMENT ON FUNCTION signing_key_check() IS 'Refuses a row that breaks a constraint, and shows none of it.';
COMMENT ON TABLE team IS 'Limits that the keys of a team share. A team without a row is a name without limits.';
COMMENT ON COLUMN team.name IS 'The name, as api_key.team has it.';
COMMENT ON COLUMN team.labels IS 'What people note about it.';
COMMENT ON COLUMN team.requests_per_minute IS 'Requests a minute of all its keys together; null: no limit.';
COMMENT ON COLUMN team.tokens_per_minute IS 'Tokens a minute, in and out; null: no limit.';
COMMENT ON COLUMN team.max_concurrent IS 'Requests at the same time; null: no limit.';
COMMENT ON COLUMN team.tokens_per_month IS 'Tokens in a calendar month (UTC); null: no limit.';
COMMENT ON COLUMN team.cost_per_month IS 'Cost in a calendar month (UTC), in cost_currency; null: no limit.';
COMMENT ON COLUMN team.generation IS 'Rises with every change.';
COMMENT ON COLUMN team.created_at IS 'When it was made.';
COMMENT ON COLUMN team.updated_at IS 'When it changed last.';
COMMENT ON COLUMN team.updated_by IS 'The actor that changed it last, as in event.actor.';
COMMENT ON COLUMN team.cost_currency IS 'The currency of cost_per_month, such as EUR: costs in another one do not count. Null: all costs are added as if they were of one currency.';
COMMENT ON COLUMN team.max_priority IS 'The highest class of its requests: interactive, default or bulk. A higher one is lowered to it.';
COMMENT ON COLUMN team.weight IS 'Its part of a model''s slots, 1 to 1000, beside those of the other teams and keys that want more than there are.';
COMMENT ON FUNCTION undo_event(event_id bigint, force boolean) IS 'Takes a change back: SELECT undo_event(id). A changed row gets its former values, a deleted one comes back with its id. Refuses what would overwrite later changes, unless force. Returns the id of the event that this makes. Needs the rights on worker or model, and SELECT on event and event_undo.';
COMMENT ON TABLE usage_batch IS 'The last batch that each replica has added to usage_hourly, so that none is added twice.';
COMMENT ON COLUMN usage_batch.replica_id IS 'replica.id, also of replicas that are gone; rows are deleted after 30 days.';
COMMENT ON COLUMN usage_batch.sequence IS 'The number of the batch; rises.';
COMMENT ON COLUMN usage_batch.at IS 'When it was added.';
COMMENT ON TABLE usage_by_hour IS 'What requests used, summed by hour, key, team, model and currency: usage_hourly without workers, written in the same transaction. Kept for 400 days.';
COMMENT ON COLUMN usage_by_hour.hour IS 'The beginning of the hour in which the requests ended, UTC.';
COMMENT ON COLUMN usage_by_hour.key_id IS 'api_key.id; zeros: ADMIN_API_KEY, or a client that needs no key.';
COMMENT ON COLUMN usage_by_hour.key_name IS 'The name of the key when it was used last in this hour; root for zeros.';
COMMENT ON COLUMN usage_by_hour.team IS 'The team of the key at that time; empty: none.';
COMMENT ON COLUMN usage_by_hour.model IS 'The model that answered, which may be a fallback; empty: none of the registered ones was named.';
COMMENT ON COLUMN usage_by_hour.currency IS 'The currency of cost; empty: the model had no price.';
COMMENT ON COLUMN usage_by_hour.requests IS 'Requests, with those that failed, without those that were refused (401, 403) or limited.';
COMMENT ON COLUMN usage_by_hour.errors_caller IS 'Of these, failed by the fault of the caller: invalid, rejected by the server of the model, or disconnected.';
COMMENT ON COLUMN usage_by_hour.errors_worker IS 'Of these, failed by the fault of a worker.';
COMMENT ON COLUMN usage_by_hour.errors_service IS 'Of these, failed because no worker was free, or by a fault of the service.';
COMMENT ON COLUMN usage_by_hour.limited IS 'Requests that were refused by a limit of the key or the team (429).';
COMMENT ON COLUMN usage_by_hour.input_tokens IS 'Tokens of the requests, cached ones included.';
COMMENT ON COLUMN usage_by_hour.cached_tokens IS 'Of these, read from the cache of the server.';
COMMENT ON COLUMN usage_by_hour.output_tokens IS 'Tokens of the answers.';
COMMENT ON COLUMN usage_by_hour.estimated_tokens IS 'Of input_tokens and output_tokens, those that no server reported: bytes / 4, or the events of a stream.';
COMMENT ON COLUMN usage_by_hour.images IS 'Images that were made.';
COMMENT ON COLUMN usage_by_hour.seconds IS 'Seconds of video or audio that were made, where known.';
COMMENT ON COLUMN usage_by_hour.cost IS 'By the price of the model when each request ended; null: it had none.';
COMMENT ON TABLE usage_by_worker IS 'What requests used, summed by day, worker, key, team, model and currency: usage_hourly by day, written in the same transaction. Kept for 400 days.';
COMMENT ON COLUMN usage_by_worker.day IS 'The day in which the requests ended, UTC.';
COMMENT ON COLUMN usage_by_worker.worker_id IS 'worker.id, of the last one that was tried; zeros: none was.';
COMMENT ON COLUMN usage_by_worker.key_id IS 'api_key.id; zeros: ADMIN_API_KEY, or a client that needs no key.';
COMMENT ON COLUMN usage_by_worker.key_name IS 'The name of the key when it was used last in this day; root for zeros.';
COMMENT ON COLUMN usage_by_worker.team IS 'The team of the key at that time; empty: none.';
COMMENT ON COLUMN usage_by_worker.model IS 'The model that answered, which may be a fallback; empty: none of the registered ones was named.';
COMMENT ON COLUMN usage_by_worker.currency IS 'The currency of cost; empty: the model had no price.';
COMMENT ON COLUMN usage_by_worker.requests IS 'Requests, with those that failed, without those that were refused (401, 403) or limited.';
COMMENT ON COLUMN usage_by_worker.errors_caller IS 'Of these, failed by the fault of the caller: invalid, rejected by the server of the model, or disconnected.';
COMMENT ON COLUMN usage_by_worker.errors_worker IS 'Of these, failed by the fault of a worker.';
COMMENT ON COLUMN usage_by_worker.errors_service IS 'Of these, failed because no worker was free, or by a fault of the service.';
COMMENT ON COLUMN usage_by_worker.limited IS 'Requests that were refused by a limit of the key or the team (429).';
COMMENT ON COLUMN usage_by_worker.input_tokens IS 'Tokens of the requests, cached ones included.';
COMMENT ON COLUMN usage_by_worker.cached_tokens IS 'Of these, read from the cache of the server.';
COMMENT ON COLUMN usage_by_worker.output_tokens IS 'Tokens of the answers.';
COMMENT ON COLUMN usage_by_worker.estimated_tokens IS 'Of input_tokens and output_tokens, those that no server reported: bytes / 4, or the events of a stream.';
COMMENT ON COLUMN usage_by_worker.images IS 'Images that were made.';
COMMENT ON COLUMN usage_by_worker.seconds IS 'Seconds of video or audio that were made, where known.';
COMMENT ON COLUMN usage_by_worker.cost IS 'By the price of the model when each request ended; null: it had none.';
COMMENT ON TABLE usage_daily IS 'What requests used, summed by day, key, team, model and currency: usage_hourly without workers, written in the same transaction. Kept for 400 days.';
COMMENT ON COLUMN usage_daily.day IS 'The day in which the requests ended, UTC.';
COMMENT ON COLUMN usage_daily.key_id IS 'api_key.id; zeros: ADMIN_API_KEY, or a client that needs no key.';
COMMENT ON COLUMN usage_daily.key_name IS 'The name of the key when it was used last in this day; root for zeros.';
COMMENT ON COLUMN usage_daily.team IS 'The team of the key at that time; empty: none.';
COMMENT ON COLUMN usage_daily.model IS 'The model that answered, which may be a fallback; empty: none of the registered ones was named.';
COMMENT ON COLUMN usage_daily.currency IS 'The currency of cost; empty: the model had no price.';
COMMENT ON COLUMN usage_daily.requests IS 'Requests, with those that failed, without those that were refused (401, 403) or limited.';
COMMENT ON COLUMN usage_daily.errors_caller IS 'Of these, failed by the fault of the caller: invalid, rejected by the server of the model, or disconnected.';
COMMENT ON COLUMN usage_daily.errors_worker IS 'Of these, failed by the fault of a worker.';
COMMENT ON COLUMN usage_daily.errors_service IS 'Of these, failed because no worker was free, or by a fault of the service.';
COMMENT ON COLUMN usage_daily.limited IS 'Requests that were refused by a limit of the key or the team (429).';
COMMENT ON COLUMN usage_daily.input_tokens IS 'Tokens of the requests, cached ones included.';
COMMENT ON COLUMN usage_daily.cached_tokens IS 'Of these, read from the cache of the server.';
COMMENT ON COLUMN usage_daily.output_tokens IS 'Tokens of the answers.';
COMMENT ON COLUMN usage_daily.estimated_tokens IS 'Of input_tokens and output_tokens, those that no server reported: bytes / 4, or the events of a stream.';
COMMENT ON COLUMN usage_daily.images IS 'Images that were made.';
COMMENT ON COLUMN usage_daily.seconds IS 'Seconds of video or audio that were made, where known.';
COMMENT ON COLUMN usage_daily.cost IS 'By the price of the model when each request ended; null: it had none.';
COMMENT ON TABLE usage_hourly IS 'What requests used, summed by hour, key, team, model, worker and currency. Written by every replica within 2 s. No foreign keys: it outlives what it names. Kept for 400 days.';
COMMENT ON COLUMN usage_hourly.hour IS 'The beginning of the hour in which the requests ended, UTC.';
COMMENT ON COLUMN usage_hourly.key_id IS 'api_key.id; zeros: ADMIN_API_KEY, or a client that needs no key.';
COMMENT ON COLUMN usage_hourly.key_name IS 'The name of the key when it was used last in this hour; root for zeros.';
COMMENT ON COLUMN usage_hourly.team IS 'The team of the key at that time; empty: none.';
COMMENT ON COLUMN usage_hourly.model IS 'The model that answered, which may be a fallback; empty: none of the registered ones was named.';
COMMENT ON COLUMN usage_hourly.worker_id IS 'worker.id, of the last one that was tried; zeros: none was.';
COMMENT ON COLUMN usage_hourly.currency IS 'The currency of cost; empty: the model had no price.';
COMMENT ON COLUMN usage_hourly.requests IS 'Requests, with those that failed, without those that were refused (401, 403) or limited.';
COMMENT ON COLUMN usage_hourly.errors_caller IS 'Of these, failed by the fault of the caller: invalid, rejected by the server of the model, or disconnected.';
COMMENT ON COLUMN usage_hourly.errors_worker IS 'Of these, failed by the fault of a worker.';
COMMENT ON COLUMN usage_hourly.errors_service IS 'Of these, failed because no worker was free, or by a fault of the service.';
COMMENT ON COLUMN usage_hourly.limited IS 'Requests that were refused by a limit of the key or the team (429).';
COMMENT ON COLUMN usage_hourly.input_tokens IS 'Tokens of the requests, cached ones included.';
COMMENT ON COLUMN usage_hourly.cached_tokens IS 'Of these, read from the cache of the server.';
COMMENT ON COLUMN usage_hourly.output_tokens IS 'Tokens of the answers.';
COMMENT ON COLUMN usage_hourly.estimated_tokens IS 'Of input_tokens and output_tokens, those that no server reported: bytes / 4, or the events of a stream.';
COMMENT ON COLUMN usage_hourly.images IS 'Images that were made.';
COMMENT ON COLUMN usage_hourly.seconds IS 'Seconds of video or audio that were made, where known.';
COMMENT ON COLUMN usage_hourly.cost IS 'By the price of the model when each request ended; null: it had none.';
COMMENT ON VIEW usage_overview IS 'usage_daily, with null for none.';
COMMENT ON COLUMN usage_overview.day IS 'The day, UTC.';
COMMENT ON COLUMN usage_overview.team IS 'The team; null: none.';
COMMENT ON COLUMN usage_overview.key IS 'The name of the key; root: ADMIN_API_KEY, or a client that needs no key.';
COMMENT ON COLUMN usage_overview.model IS 'The model that answered; null: none of the registered ones was named.';
COMMENT ON COLUMN usage_overview.requests IS 'Requests, with those that failed.';
COMMENT ON COLUMN usage_overview.errors IS 'Of these, failed, by whosever fault.';
COMMENT ON COLUMN usage_overview.limited IS 'Refused by a limit (429).';
COMMENT ON COLUMN usage_overview.input_tokens IS 'Tokens of the requests, cached ones included.';
COMMENT ON COLUMN usage_overview.cached_tokens IS 'Of these, read from the cache of the server.';
COMMENT ON COLUMN usage_overview.output_tokens IS 'Tokens of the answers.';
COMMENT ON COLUMN usage_overview.estimated_tokens IS 'Of these tokens, those that no server reported.';
COMMENT ON COLUMN usage_overview.images IS 'Images that were made.';
COMMENT ON COLUMN usage_overview.seconds IS 'Seconds of video or audio that were made, where known.';
COMMENT ON COLUMN usage_overview.cost IS 'By the prices at that time; null: no price.';
COMMENT ON COLUMN usage_overview.currency IS 'The currency of cost.';
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
COMMENT ON COLUMN worker.admin_state_by IS 'The actor that changed admin_state last, as in event.actor.';
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
COMMENT ON COLUMN worker.profile IS 'What the server takes beyond its API, or does not take: {"vendor": name of a preset, entry: value} (docs/profiles.md); NULL: as its API says.';
COMMENT ON COLUMN worker.registered_by_key IS 'The key of the role registrar that registered it, which may change it; null: an admin, an operator or SQL did.';
COMMENT ON COLUMN worker.registered_by_team IS 'The team of that key, whose registrars may change it, too.';
COMMENT ON COLUMN worker.wake IS 'How the worker is woken: requests, and what shows that it is ready. Credentials of the requests stand in sealed_header and read <sealed> here. NULL: it never sleeps.';
COMMENT ON COLUMN worker.sleep IS 'How the worker is sent to sleep, and after how many seconds without a request. NULL: this service does not.';
COMMENT ON COLUMN worker.asleep_when IS 'A request whose answer shows that the worker is asleep, though it accepts connections. NULL: it is asleep when it refuses them.';
COMMENT ON FUNCTION worker_before_update() IS 'Updates generation and the *_since columns with every change, also by hand.';
COMMENT ON FUNCTION worker_changes(before worker, after worker) IS 'The columns of a definition that differ between two versions of a row.';
COMMENT ON FUNCTION worker_check() IS 'Refuses a row that breaks a constraint, and shows none of it.';
COMMENT ON VIEW worker_event IS 'The events of workers under the name and the columns of the release before, which reads them, records what requests show, and purges. Use event.';
COMMENT ON COLUMN worker_event.id IS 'event.id.';
COMMENT ON COLUMN worker_event.at IS 'event.at.';
COMMENT ON COLUMN worker_event.worker_id IS 'event.subject_id.';
COMMENT ON COLUMN worker_event.model_name IS 'event.subject_name.';
COMMENT ON COLUMN worker_event.req_url_template IS 'event.req_url_template.';
COMMENT ON COLUMN worker_event.kind IS 'event.kind.';
COMMENT ON COLUMN worker_event.detail IS 'event.note.';
COMMENT ON COLUMN worker_event.actor IS 'event.actor.';
COMMENT ON COLUMN worker_event.generation IS 'event.generation.';
COMMENT ON FUNCTION worker_event_write() IS 'What the release before may write to worker_event.';
COMMENT ON FUNCTION worker_exact(name text) IS 'Whether event.before shows a column to the letter, so that event_undo need not hold it.';
COMMENT ON FUNCTION worker_follow() IS 'Keeps worker_probe in step with worker, and notifies the replicas of changes that they need.';
COMMENT ON FUNCTION worker_given(this worker) IS 'The columns of a definition that differ from their defaults.';
COMMENT ON FUNCTION worker_kept(this worker, names text[], shown jsonb) IS 'What event_undo keeps of these columns.';
COMMENT ON FUNCTION worker_kept_whole(this worker, shown jsonb) IS 'What event_undo keeps of a deleted worker.';
COMMENT ON TABLE worker_object IS 'Objects that the servers of workers keep and clients name later: responses, their items, conversations, containers. Deleted after 30 days, or when there are more than a million.';
COMMENT ON COLUMN worker_object.id IS 'The name of the object, as the server made it.';
COMMENT ON COLUMN worker_object.worker_id IS 'The worker whose server keeps it; no foreign key, so that deleting a worker costs nothing here.';
COMMENT ON COLUMN worker_object.created_at IS 'When this service saw it.';
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
COMMENT ON TABLE worker_power IS 'Whether workers with wake are awake. A row is made with worker.wake. State may be set by hand: UPDATE worker_power SET state = ''waking'' WHERE worker_id = ... wakes a worker.';
COMMENT ON COLUMN worker_power.worker_id IS 'worker.id.';
COMMENT ON COLUMN worker_power.state IS 'awake, asleep or waking. Requests go to a worker that is awake only. Set by hand to waking, it is woken; to asleep or awake, it counts as that until the next evidence.';
COMMENT ON COLUMN worker_power.since IS 'When the state last changed.';
COMMENT ON COLUMN worker_power.reason IS 'Why it is in this state: what was seen, or why it could not be woken or sent to sleep.';
COMMENT ON COLUMN worker_power.lease_owner IS 'The replica (replica.id) that wakes it, or sends it to sleep.';
COMMENT ON COLUMN worker_power.lease_until IS 'When the lease ends unless it is renewed. Another replica takes over then.';
COMMENT ON COLUMN worker_power.next_wake_at IS 'Not woken before: a waking failed, or the requests that send it to sleep are on their way.';
COMMENT ON COLUMN worker_power.failures IS 'Wakings that failed in a row.';
COMMENT ON COLUMN worker_power.usual_wake_ms IS 'How long a waking usually takes: a moving average, which may be set by hand. NULL: none has succeeded yet, and 30 s are assumed.';
COMMENT ON COLUMN worker_power.last_used_at IS 'Of a worker with sleep: when a request last ran there or waited for it, on any replica, to within 6 s; or when it became awake.';
COMMENT ON COLUMN worker_power.next_sleep_at IS 'Not sent to sleep before: an attempt failed.';
COMMENT ON COLUMN worker_power.sleep_failures IS 'Attempts to send it to sleep that failed in a row.';
COMMENT ON FUNCTION worker_power_before() IS 'Keeps since, and forgets failed wakings of a worker that is awake.';
COMMENT ON FUNCTION worker_power_follow() IS 'Each worker with wake has a row in worker_power.';
COMMENT ON FUNCTION worker_power_record() IS 'Announces a change of a worker''s power, and writes it into the history.';
COMMENT ON FUNCTION worker_power_restored() IS 'While a data-only restore runs (mmm.restoring), its row replaces the one that a trigger made for the worker.';
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
COMMENT ON FUNCTION worker_probe_restored() IS 'While a data-only restore runs (mmm.restoring), its row replaces the one that a trigger made for the worker.';
COMMENT ON FUNCTION worker_record() IS 'Writes the history of workers, with the rights of the owner.';
COMMENT ON FUNCTION worker_row(this worker) IS 'The text of each column from which a deleted row can be restored.';
COMMENT ON FUNCTION worker_shown(this worker, name text) IS 'A column as event.before and event.after show it.';
COMMENT ON TABLE worker_slot IS 'For workers whose max_concurrency is below the number of replicas: one row for each request that may run, with the replica that may run it.';
COMMENT ON COLUMN worker_slot.worker_id IS 'The worker.';
COMMENT ON COLUMN worker_slot.slot IS 'From 0 to max_concurrency - 1.';
COMMENT ON COLUMN worker_slot.replica_id IS 'The replica that may have one request on the worker.';
COMMENT ON COLUMN worker_slot.lease_until IS 'Another replica may take the slot after this time.';
COMMENT ON TABLE worker_slot_wish IS 'Replicas with requests that wait for a slot. The replica that holds a slot releases it after the request that runs in it.';
COMMENT ON COLUMN worker_slot_wish.worker_id IS 'The worker.';
COMMENT ON COLUMN worker_slot_wish.replica_id IS 'The replica whose requests wait.';
COMMENT ON COLUMN worker_slot_wish.wished_until IS 'The row has no effect after this time.';
COMMENT ON FUNCTION worker_text(this worker, name text) IS 'A column as text, from which it can be restored.';
COMMENT ON TABLE worker_traffic IS 'What a worker served for a replica in five minutes; only workers with requests. No foreign keys. Kept for 2 hours.';
COMMENT ON COLUMN worker_traffic.worker_id IS 'worker.id.';
COMMENT ON COLUMN worker_traffic.at IS 'The beginning of the five minutes.';
COMMENT ON COLUMN worker_traffic.replica_id IS 'replica.id.';
COMMENT ON COLUMN worker_traffic.model_name IS 'The model of the worker.';
COMMENT ON COLUMN worker_traffic.requests IS 'Attempts of requests at this worker that ended.';
COMMENT ON COLUMN worker_traffic.failed IS 'Of these, failed.';
COMMENT ON COLUMN worker_traffic.first_tokens IS 'Times to the first token of streams that one attempt served, without their wait, in the buckets of replica_minute.first_tokens; null: no stream.';
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
COMMENT ON FUNCTION worker_values(this worker, names text[]) IS 'These columns as event.before and event.after show them.';
COMMENT ON FUNCTION write_row_checks() IS 'Writes <table>_check() for the constraints that the tables with credentials and prompts have now. Called by migrations that change one.';
COMMENT ON FUNCTION write_worker_changes() IS 'Writes <table>_changes(), _given(), _text(), _shown(), _row() and _exact() for the columns that worker and model have now. Called by migrations that add or drop one.';
