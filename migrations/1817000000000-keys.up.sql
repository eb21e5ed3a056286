-- Keys of people and programs, and the teams they belong to. The history records their changes, and each replica has them in memory.
-- The release before may run beside it: it knows no key but ADMIN_API_KEY, so a client with a key of this table is refused by it.

-- Functions that run with the rights of the owner find nothing in temporary schemas first.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

CREATE TABLE team (
  name text NOT NULL,
  labels jsonb NOT NULL DEFAULT '{}',
  requests_per_minute bigint,
  tokens_per_minute bigint,
  max_concurrent integer,
  tokens_per_month bigint,
  cost_per_month numeric,
  generation integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  updated_by text NOT NULL DEFAULT '',
  CONSTRAINT team_pkey PRIMARY KEY (name),
  CONSTRAINT team_name_length CHECK (length(name) BETWEEN 1 AND 100),
  CONSTRAINT team_labels_object CHECK (jsonb_typeof(labels) = 'object'),
  CONSTRAINT team_limits_positive CHECK (requests_per_minute > 0 AND tokens_per_minute > 0 AND max_concurrent > 0 AND tokens_per_month > 0 AND cost_per_month > 0)
);

CREATE TABLE api_key (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  name text NOT NULL,
  prefix text NOT NULL DEFAULT '',
  hash bytea NOT NULL,
  old_hash bytea,
  old_hash_until timestamptz,
  role text NOT NULL,
  team text,
  models text[],
  labels jsonb NOT NULL DEFAULT '{}',
  requests_per_minute bigint,
  tokens_per_minute bigint,
  max_concurrent integer,
  tokens_per_month bigint,
  cost_per_month numeric,
  expires_at timestamptz,
  disabled_at timestamptz,
  disabled_reason text,
  revoked_at timestamptz,
  generation integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL DEFAULT '',
  updated_at timestamptz NOT NULL DEFAULT now(),
  updated_by text NOT NULL DEFAULT '',
  CONSTRAINT api_key_pkey PRIMARY KEY (id),
  CONSTRAINT api_key_name CHECK (length(name) BETWEEN 1 AND 100 AND name <> 'root'),
  CONSTRAINT api_key_prefix_length CHECK (length(prefix) <= 12),
  CONSTRAINT api_key_hash_length CHECK (octet_length(hash) = 32 AND octet_length(old_hash) = 32),
  CONSTRAINT api_key_old_hash_ends CHECK ((old_hash IS NULL) = (old_hash_until IS NULL)),
  CONSTRAINT api_key_role_known CHECK (role IN ('admin', 'operator', 'registrar', 'inference', 'viewer')),
  CONSTRAINT api_key_team_length CHECK (length(team) BETWEEN 1 AND 100),
  CONSTRAINT api_key_models_named CHECK (array_position(models, NULL) IS NULL AND array_position(models, '') IS NULL AND coalesce(array_ndims(models), 1) = 1),
  CONSTRAINT api_key_labels_object CHECK (jsonb_typeof(labels) = 'object'),
  CONSTRAINT api_key_limits_positive CHECK (requests_per_minute > 0 AND tokens_per_minute > 0 AND max_concurrent > 0 AND tokens_per_month > 0 AND cost_per_month > 0)
);
CREATE UNIQUE INDEX api_key_name_free ON api_key (name) WHERE revoked_at IS NULL;
CREATE UNIQUE INDEX api_key_hash ON api_key (hash);

-- A table of its own, so that a key that is only used does not change.
CREATE TABLE api_key_use (
  key_id uuid NOT NULL,
  last_used_at timestamptz NOT NULL,
  CONSTRAINT api_key_use_pkey PRIMARY KEY (key_id),
  CONSTRAINT api_key_use_key FOREIGN KEY (key_id) REFERENCES api_key (id) ON DELETE CASCADE
);

-- Whose worker it is. The release before fills neither, which means an admin's.
ALTER TABLE worker ADD COLUMN registered_by_key uuid, ADD COLUMN registered_by_team text;

CREATE FUNCTION access_before() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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
END $$;

-- The columns that people set, as the history shows them.
CREATE FUNCTION access_shown(this jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT jsonb_object_agg(key, CASE WHEN key IN ('hash', 'old_hash') AND value <> 'null' THEN '"<sealed>"' ELSE value END)
  FROM jsonb_each(this - '{id, generation, created_at, created_by, updated_at, updated_by}'::text[])
$$;

CREATE FUNCTION access_record() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
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
END $$;

CREATE TRIGGER team_before BEFORE INSERT OR UPDATE ON team FOR EACH ROW EXECUTE FUNCTION access_before();
CREATE TRIGGER team_record AFTER INSERT OR UPDATE OR DELETE ON team FOR EACH ROW EXECUTE FUNCTION access_record();
CREATE TRIGGER api_key_before BEFORE INSERT OR UPDATE ON api_key FOR EACH ROW EXECUTE FUNCTION access_before();
CREATE TRIGGER api_key_record AFTER INSERT OR UPDATE OR DELETE ON api_key FOR EACH ROW EXECUTE FUNCTION access_record();

ALTER TABLE event
  DROP CONSTRAINT event_kind_known,
  DROP CONSTRAINT event_subject_known,
  DROP CONSTRAINT event_subject_id,
  ADD CONSTRAINT event_kind_known_2 CHECK (kind IN ('registered', 'created', 'changed', 'deleted', 'restored', 'enabled', 'disabled', 'draining', 'offline',
    'healthy', 'suspect', 'unhealthy', 'warming', 'unknown', 'recovered', 'ejected', 'failing', 'serving', 'revoked', 'rotated')) NOT VALID,
  ADD CONSTRAINT event_subject_known_2 CHECK (subject IN ('worker', 'model', 'key', 'team')) NOT VALID,
  ADD CONSTRAINT event_subject_id_2 CHECK ((subject IN ('worker', 'key')) = (subject_id IS NOT NULL)) NOT VALID;

SELECT write_worker_changes();

CREATE OR REPLACE FUNCTION undo_event(event_id bigint, force boolean DEFAULT false) RETURNS bigint LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  e event;
  kept event_undo;
  what text;
  target text;
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
  EXECUTE format('SELECT generation FROM %I WHERE %s FOR UPDATE', e.subject, target) INTO found_generation;

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
        EXECUTE format('SELECT %I(this, %L) FROM %I this WHERE %s', e.subject || '_text', name, e.subject, target) INTO value;
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
END $$;

COMMENT ON TABLE team IS 'Limits that the keys of a team share. A team without a row is a name without limits.';
COMMENT ON COLUMN team.name IS 'The name, as api_key.team has it.';
COMMENT ON COLUMN team.labels IS 'What people note about it.';
COMMENT ON COLUMN team.requests_per_minute IS 'Requests a minute of all its keys together; null: no limit.';
COMMENT ON COLUMN team.tokens_per_minute IS 'Tokens a minute, in and out; null: no limit.';
COMMENT ON COLUMN team.max_concurrent IS 'Requests at the same time; null: no limit.';
COMMENT ON COLUMN team.tokens_per_month IS 'Tokens in a calendar month (UTC); null: no limit.';
COMMENT ON COLUMN team.cost_per_month IS 'Cost in a calendar month (UTC), in the currency of the prices; null: no limit.';
COMMENT ON COLUMN team.generation IS 'Rises with every change.';
COMMENT ON COLUMN team.created_at IS 'When it was made.';
COMMENT ON COLUMN team.updated_at IS 'When it changed last.';
COMMENT ON COLUMN team.updated_by IS 'The actor that changed it last, as in event.actor.';
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
COMMENT ON COLUMN api_key.cost_per_month IS 'Cost in a calendar month (UTC), in the currency of the prices; null: no limit.';
COMMENT ON COLUMN api_key.expires_at IS 'From then on it is refused; null: never.';
COMMENT ON COLUMN api_key.disabled_at IS 'Since when it is switched off; null: it is on.';
COMMENT ON COLUMN api_key.disabled_reason IS 'Why it is switched off.';
COMMENT ON COLUMN api_key.revoked_at IS 'Since when it is refused for good; the row is deleted after 90 days.';
COMMENT ON COLUMN api_key.generation IS 'Rises with every change.';
COMMENT ON COLUMN api_key.created_at IS 'When it was made.';
COMMENT ON COLUMN api_key.created_by IS 'The actor that made it, as in event.actor.';
COMMENT ON COLUMN api_key.updated_at IS 'When it changed last.';
COMMENT ON COLUMN api_key.updated_by IS 'The actor that changed it last, as in event.actor.';
COMMENT ON TABLE api_key_use IS 'When keys were last used.';
COMMENT ON COLUMN api_key_use.key_id IS 'api_key.id.';
COMMENT ON COLUMN api_key_use.last_used_at IS 'When a replica last saw it, within a minute.';
COMMENT ON COLUMN worker.registered_by_key IS 'The key of the role registrar that registered it, which may change it; null: an admin, an operator or SQL did.';
COMMENT ON COLUMN worker.registered_by_team IS 'The team of that key, whose registrars may change it, too.';
COMMENT ON TABLE event IS 'The history of workers, policies of models, keys and teams, written by triggers, so that it holds changes by hand, too. No foreign key: it outlives what it is about. SELECT undo_event(id) takes a change of a worker or a policy back. Kept for EVENT_RETENTION_DAYS.';
COMMENT ON COLUMN event.subject IS 'What it is about: a worker, the policy of a model, a key or a team.';
COMMENT ON COLUMN event.subject_id IS 'worker.id or api_key.id, of what may be deleted; null for a policy and a team.';
COMMENT ON COLUMN event.subject_name IS 'The model (of a worker at that time its model_name), the key or the team.';
COMMENT ON COLUMN event.req_url_template IS 'The URL of the worker at that time, without the query; null for all else.';
COMMENT ON COLUMN event.kind IS 'What was done: registered (a worker, also one that comes back from offline), created (a policy, a key, a team), changed, deleted, restored (a deletion was undone), revoked, rotated (a key); or the new admin_state; or the new health (recovered: healthy again); or what requests showed: ejected, failing, serving.';
COMMENT ON COLUMN event.actor IS 'The author: the name of a key; root: ADMIN_API_KEY, or a client that needs no key; what the service did by itself, such as health, retention, drained; psql:<role>, or psql:<role>/<actor> where mmm.actor is set.';
COMMENT ON FUNCTION access_before() IS 'Raises the generation of a key or a team that changes.';
COMMENT ON FUNCTION access_shown(jsonb) IS 'A key or a team as the history shows it.';
COMMENT ON FUNCTION access_record() IS 'Writes the history of keys and teams, with the rights of the owner, and tells replicas.';

-- For what follows in the same transaction.
SELECT set_config('search_path', quote_ident(current_schema()), true);
