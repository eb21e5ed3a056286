-- Workers that renew themselves (`heartbeat_ttl_s`), replicas that know of each other (`replica`, `worker_slot`,
-- `worker_slot_wish`) and what holds for a whole model (`model`). Adds only: the release before may run beside it.

ALTER TABLE worker ADD COLUMN heartbeat_ttl_s integer,
  ADD CONSTRAINT worker_heartbeat_ttl_range CHECK (heartbeat_ttl_s BETWEEN 1 AND 86400);
COMMENT ON COLUMN worker.heartbeat_ttl_s IS 'The worker promises a heartbeat within so many seconds; after three missed it is suspect, and offline if its probes fail too. null: it promises none.';

ALTER TABLE worker_probe ADD COLUMN heartbeat_at timestamptz,
  ADD COLUMN last_good_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN last_served_at timestamptz;
COMMENT ON COLUMN worker_probe.heartbeat_at IS 'The last heartbeat; null: none yet.';
COMMENT ON COLUMN worker_probe.last_good_at IS 'The last successful probe; the time of the definition when there was none yet.';
COMMENT ON COLUMN worker_probe.last_served_at IS 'When a request last succeeded there, on any replica; written every few seconds at most.';

CREATE TABLE replica (
  id         uuid        NOT NULL,
  host       text        NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  seen_at    timestamptz NOT NULL DEFAULT now(),
  drained    json        NOT NULL DEFAULT '{}',
  CONSTRAINT replica_pkey PRIMARY KEY (id)
) WITH (fillfactor = 70);
COMMENT ON TABLE  replica IS 'The running copies of the service. One that was not seen for a while is dead; its row goes later.';
COMMENT ON COLUMN replica.id IS 'Made at its start.';
COMMENT ON COLUMN replica.host IS 'The host or pod it runs on.';
COMMENT ON COLUMN replica.started_at IS 'When it started.';
COMMENT ON COLUMN replica.seen_at IS 'When it last said that it is there.';
COMMENT ON COLUMN replica.drained IS 'Of the draining workers, those on which it has no request left: worker id to admin_state_since, in milliseconds since 1970.';

CREATE TABLE worker_slot (
  worker_id   uuid        NOT NULL,
  slot        integer     NOT NULL,
  replica_id  uuid        NOT NULL,
  lease_until timestamptz NOT NULL,
  CONSTRAINT worker_slot_pkey PRIMARY KEY (worker_id, slot),
  CONSTRAINT worker_slot_worker FOREIGN KEY (worker_id) REFERENCES worker (id) ON DELETE CASCADE,
  CONSTRAINT worker_slot_replica FOREIGN KEY (replica_id) REFERENCES replica (id) ON DELETE CASCADE,
  CONSTRAINT worker_slot_number CHECK (slot >= 0)
) WITH (fillfactor = 70);
CREATE INDEX worker_slot_of_replica ON worker_slot (replica_id);
COMMENT ON TABLE  worker_slot IS 'Who may use a worker whose max_concurrency is below the number of replicas: a row for each slot that is in use.';
COMMENT ON COLUMN worker_slot.worker_id IS 'The worker.';
COMMENT ON COLUMN worker_slot.slot IS 'From 0 to max_concurrency - 1.';
COMMENT ON COLUMN worker_slot.replica_id IS 'The replica that may have one request there.';
COMMENT ON COLUMN worker_slot.lease_until IS 'After this another replica may take it.';

CREATE TABLE worker_slot_wish (
  worker_id    uuid        NOT NULL,
  replica_id   uuid        NOT NULL,
  wished_until timestamptz NOT NULL,
  CONSTRAINT worker_slot_wish_pkey PRIMARY KEY (worker_id, replica_id),
  CONSTRAINT worker_slot_wish_worker FOREIGN KEY (worker_id) REFERENCES worker (id) ON DELETE CASCADE,
  CONSTRAINT worker_slot_wish_replica FOREIGN KEY (replica_id) REFERENCES replica (id) ON DELETE CASCADE
) WITH (fillfactor = 70);
CREATE INDEX worker_slot_wish_of_replica ON worker_slot_wish (replica_id);
COMMENT ON TABLE  worker_slot_wish IS 'Which replicas have requests waiting for a slot: who holds one gives it up after the request that runs there.';
COMMENT ON COLUMN worker_slot_wish.worker_id IS 'The worker.';
COMMENT ON COLUMN worker_slot_wish.replica_id IS 'The replica whose requests wait.';
COMMENT ON COLUMN worker_slot_wish.wished_until IS 'After this the wish is void.';

CREATE TABLE model (
  name          text        NOT NULL,
  strategy      text,
  fallbacks     text[]      NOT NULL DEFAULT '{}',
  retries       integer,
  retry_on      text[],
  queue_max     integer,
  queue_wait_ms integer,
  connect_ms    integer,
  first_byte_ms integer,
  idle_ms       integer,
  total_ms      integer,
  generation    integer     NOT NULL DEFAULT 1,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  updated_by    text        NOT NULL DEFAULT '',
  CONSTRAINT model_pkey PRIMARY KEY (name),
  CONSTRAINT model_name_length CHECK (char_length(name) BETWEEN 1 AND 200),
  CONSTRAINT model_strategy_known CHECK (strategy IN ('least_load', 'least_request', 'round_robin', 'random', 'power_of_two', 'peak_ewma', 'consistent_hash')),
  CONSTRAINT model_fallbacks_few CHECK (cardinality(fallbacks) <= 10 AND array_position(fallbacks, name) IS NULL),
  CONSTRAINT model_fallbacks_named CHECK (array_position(fallbacks, NULL) IS NULL AND array_position(fallbacks, '') IS NULL),
  CONSTRAINT model_retries_range CHECK (retries BETWEEN 0 AND 10),
  CONSTRAINT model_retry_on_known CHECK (retry_on <@ ARRAY['connection', '429', '500', '502', '503', '504', 'timeout', 'credentials'] AND coalesce(array_ndims(retry_on), 1) = 1),
  CONSTRAINT model_queue_range CHECK (queue_max BETWEEN 0 AND 1000000 AND queue_wait_ms BETWEEN 0 AND 3600000),
  CONSTRAINT model_timeouts_positive CHECK (connect_ms > 0 AND first_byte_ms > 0 AND idle_ms > 0 AND total_ms > 0),
  CONSTRAINT model_generation_positive CHECK (generation > 0)
);
COMMENT ON TABLE  model IS 'What holds for all workers of one model_name. No row, or null: the settings decide.';
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

CREATE FUNCTION model_follow() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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
END $$;
COMMENT ON FUNCTION model_follow() IS 'Keeps generation and updated_* true, and notifies the replicas.';
CREATE TRIGGER model_follow BEFORE INSERT OR UPDATE OR DELETE ON model FOR EACH ROW EXECUTE FUNCTION model_follow();

-- The functions as before, but for columns by name: one that is added later is a part of the definition by itself.
CREATE FUNCTION worker_changes(before worker, after worker) RETURNS text[] LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
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
END $$;
COMMENT ON FUNCTION worker_changes(worker, worker) IS 'The columns in which two definitions differ.';

CREATE OR REPLACE FUNCTION worker_before_update() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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
END $$;

CREATE OR REPLACE FUNCTION worker_record() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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
END $$;

CREATE OR REPLACE FUNCTION worker_follow() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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
END $$;
COMMENT ON COLUMN worker.admin_state_since IS 'When admin_state last changed. Set it to now() on an enabled worker to have the replicas forget what they hold against it.';

CREATE OR REPLACE VIEW worker_overview AS
SELECT w.model_name, w.name, w.req_url_template, w.owner, w.admin_state, w.health, w.health_reason,
       date_trunc('second', now() - w.health_since) AS health_for,
       p.last_probe_at, p.last_ok, p.last_detail, p.last_ms, p.next_probe_at, p.lease_owner,
       w.weight, w.priority, w.max_concurrency, w.generation, w.id, p.last_served_at, w.heartbeat_ttl_s, p.heartbeat_at
FROM worker w LEFT JOIN worker_probe p ON p.worker_id = w.id
ORDER BY w.model_name, w.created_at, w.id;
