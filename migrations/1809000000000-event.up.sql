-- One history for workers and model policies, with the values before and after, from which a change can be undone.
-- The table keeps its rows: it gets a new name and new columns, which writes nothing into it. Its old name stays as a view,
-- through which the release before goes on reading, recording and purging while both run.

-- Functions that run with the rights of the owner find nothing in temporary schemas first.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- Changes hold these when their triggers write the history: taken after it, both would wait for each other.
LOCK TABLE worker_probe, worker, model IN SHARE ROW EXCLUSIVE MODE;

ALTER TABLE worker_event RENAME TO event;
ALTER SEQUENCE worker_event_id_seq RENAME TO event_id_seq;
ALTER TABLE event RENAME CONSTRAINT worker_event_pkey TO event_pkey;
ALTER INDEX worker_event_at RENAME TO event_at;
ALTER INDEX worker_event_of_worker RENAME TO event_of_subject;
ALTER TABLE event RENAME COLUMN worker_id TO subject_id;
ALTER TABLE event RENAME COLUMN model_name TO subject_name;
ALTER TABLE event RENAME COLUMN detail TO note;
DROP TRIGGER worker_event_url ON event;
DROP FUNCTION worker_event_url();
-- Constraints are validated by the next migration, without a lock that stops writes.
ALTER TABLE event
  ALTER COLUMN subject_id DROP NOT NULL,
  ALTER COLUMN req_url_template DROP NOT NULL,
  ALTER COLUMN generation DROP NOT NULL,
  ADD COLUMN subject text NOT NULL DEFAULT 'worker',
  ADD COLUMN via text,
  ADD COLUMN role text,
  ADD COLUMN before jsonb,
  ADD COLUMN after jsonb,
  ADD COLUMN undoes bigint,
  DROP CONSTRAINT worker_event_kind_known_2,
  ADD CONSTRAINT event_kind_known CHECK (kind IN ('registered', 'created', 'changed', 'deleted', 'restored', 'enabled', 'disabled', 'draining', 'offline',
    'healthy', 'suspect', 'unhealthy', 'warming', 'unknown', 'recovered', 'ejected', 'failing', 'serving')) NOT VALID,
  ADD CONSTRAINT event_subject_known CHECK (subject IN ('worker', 'model')) NOT VALID,
  ADD CONSTRAINT event_subject_id CHECK ((subject = 'worker') = (subject_id IS NOT NULL)) NOT VALID,
  ADD CONSTRAINT event_via_known CHECK (via IN ('api', 'psql', 'service')) NOT VALID;

CREATE TABLE event_undo (
  event_id bigint NOT NULL CONSTRAINT event_undo_pkey PRIMARY KEY,
  before jsonb NOT NULL,
  after jsonb
);

-- The actor of a change.

CREATE FUNCTION event_via() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN current_setting('mmm.via', true) IN ('api', 'service') THEN current_setting('mmm.via', true)
    -- The release before sets no mmm.via.
    WHEN current_setting('mmm.actor', true) = 'api' THEN 'api'
    WHEN current_setting('mmm.actor', true) IN ('health', 'heartbeat expired', 'drained', 'retention', 'sealing', 'jobs') THEN 'service'
    ELSE 'psql' END
$$;

CREATE FUNCTION event_actor() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE event_via() WHEN 'psql' THEN 'psql:' || session_user || coalesce('/' || nullif(current_setting('mmm.actor', true), ''), '')
    ELSE current_setting('mmm.actor', true) END
$$;

-- What is shown of values: the same rules as in src/credentials, as regular expressions over the text of jsonb, which writes a name in
-- one way. A query for each member would make mass changes 20 times slower. A value that consists of placeholders, or of
-- ${secret:…} and what may stand beside it, is no credential.

-- The patterns are built when a statement is planned, for their parts are constants.

CREATE FUNCTION event_credentials() RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT 'accesskey|accesstoken|apikey|apisecret|apitoken|appsecret|authkey|authorization|authtoken|bearertoken'
    || '|clientsecret|password|passwd|privatekey|secret|secretaccesskey|secretkey|xapikey'
$$;

CREATE FUNCTION event_spellings(names text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT '[_-]*(?:' || regexp_replace(names, '([a-z])', '\1[_-]*', 'g') || ')'
$$;

CREATE FUNCTION event_reference(ending text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT '(?:(?:\{\+?[A-Z][A-Z0-9_]*(?:\.\w+)?\}|\s)*' || ending || '|(?:(?:basic|bearer|token|key|apikey|api-key)\s)?[\s:;,.=/-]*' || secret
    || '(?:[\s:;,.=/-]|' || secret || ')*' || ending || ')'
  FROM (VALUES ('\$\{secret:(?!\.)[A-Za-z0-9_.-]{1,100}\}')) AS v (secret)
$$;

CREATE FUNCTION event_member(names text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT '("' || event_spellings(names) || '": )"(?!' || event_reference('"') || ')(?:[^"\\]|\\.)*"'
$$;

CREATE FUNCTION event_url(url text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN position('?' IN url) = 0 AND position('@' IN url) = 0 THEN url ELSE
    regexp_replace(split_part(url, '?', 1), '^(https?://)[^/?#]*@', '\1<sealed>@', 'i') || CASE WHEN position('?' IN url) > 0 THEN '?<sealed>' ELSE '' END END
$$;

CREATE FUNCTION event_query(text text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN position('@' IN text) = 0 AND position('?' IN text) = 0 THEN text ELSE regexp_replace(
    regexp_replace(text, '(https?://)[^/?#"@]*@', '\1<sealed>@', 'gi'),
    '([?&]' || event_spellings(event_credentials() || '|key|sig|signature|token') || '=)(?!' || event_reference('(?:[&#"]|$)') || ')[^&#"]*',
    '\1<sealed>', 'gi') END
$$;

CREATE FUNCTION event_headers(header jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  RETURN CASE jsonb_typeof(header) WHEN 'object' THEN coalesce((
      SELECT jsonb_object_agg(key, CASE WHEN lower(key) IN ('accept', 'accept-charset', 'accept-encoding', 'accept-language',
          'anthropic-beta', 'anthropic-version', 'cache-control', 'content-language', 'content-type', 'http-referer', 'openai-beta',
          'prefer', 'referer', 'traceparent', 'user-agent', 'x-request-id', 'x-title')
        OR value::text ~* ('^"' || event_reference('"') || '$') THEN value ELSE '"<sealed>"' END)
      FROM jsonb_each(header)), '{}')
    WHEN 'null' THEN header ELSE '"<sealed>"' END;
END $$;

CREATE FUNCTION event_masked(value jsonb, name text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  masked text := value::text;
  step text;
  path text[];
BEGIN
  IF name = 'header' THEN
    RETURN event_headers(value);
  ELSIF name NOT IN ('body', 'req_param', 'poll', 'health_check') THEN
    RETURN value;
  END IF;
  IF name = 'req_param' THEN
    masked := regexp_replace(masked, event_member(event_credentials() || '|key|sig|signature|token'), '\1"<sealed>"', 'gi');
  ELSIF translate(masked, '_-', '') ~* ('"(?:' || event_credentials() || ')": "') THEN
    masked := regexp_replace(masked, event_member(event_credentials()), '\1"<sealed>"', 'gi');
  END IF;
  value := event_query(masked)::jsonb;
  IF name = 'poll' AND position('"header": {' IN masked) > 0 THEN
    FOREACH step IN ARRAY '{status, result/request, cancel, cancel/0, cancel/1, cancel/2, cancel/3, cancel/4}'::text[] LOOP
      path := string_to_array(step || '/header', '/');
      IF jsonb_typeof(value #> path) = 'object' THEN
        value := jsonb_set(value, path, event_headers(value #> path));
      END IF;
    END LOOP;
  END IF;
  RETURN value;
END $$;

-- A body may hold what jsonb refuses: U+0000, lone surrogates, numbers beyond all bounds.
CREATE FUNCTION event_json(value json) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  RETURN value::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
  BEGIN
    RETURN regexp_replace(value::text, '((?:^|[^\\])(?:\\\\)*)\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '\1\\ufffd', 'g')::jsonb;
  EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN '"<cannot be shown>"';
  END;
END $$;

-- Whether a value may be kept for undo_event(): the history keeps no credential in clear text.
CREATE FUNCTION event_keeps(name text, value text, shown jsonb) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  parsed jsonb;
BEGIN
  -- What is not shown has its default.
  IF value IS NULL OR shown IS NULL OR name = 'sealed_header' THEN
    RETURN true;
  ELSIF name = 'req_url_template' THEN
    RETURN event_query(value) = value;
  ELSIF name NOT IN ('header', 'body', 'req_param', 'poll', 'health_check') THEN
    RETURN true;
  END IF;
  parsed := event_json(value::json);
  RETURN parsed <> '"<cannot be shown>"' AND parsed = shown;
END $$;

-- Written out for the columns that the tables have, because a trigger that reads the catalogue for each row is 20 times slower.
-- As text, not as JSON: its functions fail on U+0000 and lone surrogates, which a body may hold.
CREATE OR REPLACE FUNCTION write_worker_changes() RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $function$
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
END $function$;
SELECT write_worker_changes();

CREATE FUNCTION worker_values(this worker, names text[]) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
  result jsonb := '{}';
  name text;
BEGIN
  FOREACH name IN ARRAY names LOOP
    result := result || jsonb_build_object(name, worker_shown(this, name));
  END LOOP;
  RETURN result;
END $$;

CREATE FUNCTION model_values(this model, names text[]) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
  result jsonb := '{}';
  name text;
BEGIN
  FOREACH name IN ARRAY names LOOP
    result := result || jsonb_build_object(name, model_shown(this, name));
  END LOOP;
  RETURN result;
END $$;

CREATE FUNCTION worker_kept(this worker, names text[], shown jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
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
END $$;

CREATE FUNCTION worker_kept_whole(this worker, shown jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
  result jsonb := worker_row(this);
  name text;
BEGIN
  FOREACH name IN ARRAY '{req_url_template, header, body, req_param, poll, health_check}'::text[] LOOP
    IF NOT event_keeps(name, result ->> name, shown -> name) THEN
      result := result - name;
    END IF;
  END LOOP;
  RETURN result;
END $$;

CREATE FUNCTION model_kept(this model, names text[]) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
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
END $$;

CREATE FUNCTION event_restoring() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT current_setting('mmm.restoring', true) IS NOT DISTINCT FROM 'on' AND pg_has_role(session_user, current_user, 'MEMBER')
$$;

CREATE FUNCTION record_event(subject text, subject_id uuid, subject_name text, url text, kind text, note text, generation integer,
  before jsonb, after jsonb, kept_before jsonb, kept_after jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  -- A new health only follows from what is undone.
  undone bigint := CASE WHEN before ? 'health' IS NOT TRUE THEN nullif(current_setting('mmm.undoes', true), '') END;
  recorded bigint;
BEGIN
  INSERT INTO event (subject, subject_id, subject_name, req_url_template, kind, note, generation, actor, via, role, before, after, undoes)
    VALUES (subject, subject_id, subject_name, split_part(event_url(url), '?', 1), kind,
      concat_ws('; ', nullif(note, ''), 'undoes event ' || undone), generation, event_actor(), event_via(), session_user, before, after, undone)
    RETURNING id INTO recorded;
  IF kept_before IS NOT NULL THEN
    INSERT INTO event_undo (event_id, before, after) VALUES (recorded, kept_before, kept_after);
  END IF;
  IF undone IS NOT NULL THEN
    PERFORM set_config('mmm.recorded', recorded::text, true);
  END IF;
END $$;

CREATE OR REPLACE FUNCTION worker_record() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
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
      '', NEW.generation,
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
END $$;

CREATE FUNCTION model_record() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
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
END $$;
CREATE TRIGGER model_record AFTER INSERT OR UPDATE OR DELETE ON model FOR EACH ROW EXECUTE FUNCTION model_record();

-- A data-only restore sets mmm.restoring: the rows of the dump are history already, and its worker_probe replaces what the trigger makes.
CREATE OR REPLACE FUNCTION worker_follow() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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
END $$;

CREATE OR REPLACE FUNCTION job_follow() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF NOT event_restoring() THEN
    INSERT INTO job_event (job_id, state, note, actor) VALUES (NEW.id, NEW.state, coalesce(NEW.error, NEW.note),
      coalesce(nullif(current_setting('mmm.actor', true), ''), session_user));
  END IF;
  IF TG_OP = 'INSERT' OR NEW.state <> OLD.state OR NEW.cancel_wanted <> OLD.cancel_wanted THEN
    PERFORM pg_notify('job_changed', TG_TABLE_SCHEMA || ' ' || NEW.id || ' ' || NEW.state);
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION worker_probe_restored() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  DELETE FROM worker_probe WHERE worker_id = NEW.worker_id;
  RETURN NEW;
END $$;
CREATE TRIGGER worker_probe_restored BEFORE INSERT ON worker_probe FOR EACH ROW
  WHEN (pg_trigger_depth() = 0 AND current_setting('mmm.restoring', true) = 'on') EXECUTE FUNCTION worker_probe_restored();

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
END $$;

CREATE OR REPLACE FUNCTION model_follow() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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
END $$;

-- Undo.

CREATE FUNCTION undo_event(event_id bigint, force boolean DEFAULT false) RETURNS bigint LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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

CREATE FUNCTION model_has_cycle(start text) RETURNS boolean LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  WITH RECURSIVE reached (name) AS (
    SELECT unnest(fallbacks) FROM model WHERE name = start
    UNION SELECT unnest(m.fallbacks) FROM reached JOIN model m ON m.name = reached.name)
  SELECT EXISTS (SELECT FROM reached WHERE name = start)
$$;

-- What the service does with the history. A role that does not own the table can do nothing else with it, whatever is granted.

CREATE FUNCTION event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- Qualified, because the caller chooses the search_path; a fixed one would cost more than the check.
  IF NOT pg_catalog.pg_has_role(current_user, (SELECT relowner FROM pg_catalog.pg_class WHERE oid OPERATOR(pg_catalog.=) TG_RELID), 'MEMBER') THEN
    RAISE EXCEPTION '% is written by triggers, record_requests() and purge_events() only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER event_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON event FOR EACH STATEMENT EXECUTE FUNCTION event_guard();
CREATE TRIGGER event_undo_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON event_undo FOR EACH STATEMENT EXECUTE FUNCTION event_guard();

CREATE FUNCTION record_requests(worker_id uuid, kind text, note text, host text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF kind NOT IN ('ejected', 'failing', 'serving') THEN
    RAISE EXCEPTION 'record_requests() records ejected, failing and serving, not %', kind USING ERRCODE = 'insufficient_privilege';
  END IF;
  INSERT INTO event (subject_id, subject_name, req_url_template, kind, note, actor, via, role, generation)
    SELECT w.id, w.model_name, split_part(event_url(w.req_url_template), '?', 1), record_requests.kind, record_requests.note, 'requests on ' || host,
      'service', session_user, w.generation
    FROM worker w WHERE w.id = record_requests.worker_id;
END $$;

CREATE FUNCTION purge_events(days integer, most integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
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
END $$;

-- For the release before.

CREATE VIEW worker_event AS
  SELECT id, at, subject_id AS worker_id, subject_name AS model_name, req_url_template, kind, note AS detail, actor, generation
  FROM event WHERE subject = 'worker';

CREATE FUNCTION worker_event_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
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
END $$;
CREATE TRIGGER worker_event_write INSTEAD OF INSERT OR UPDATE OR DELETE ON worker_event FOR EACH ROW EXECUTE FUNCTION worker_event_write();

REVOKE ALL ON FUNCTION record_event(text, uuid, text, text, text, text, integer, jsonb, jsonb, jsonb, jsonb) FROM PUBLIC;
REVOKE ALL ON FUNCTION record_requests(uuid, text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION purge_events(integer, integer) FROM PUBLIC;

-- Roles that had rights on worker_event keep what they need of them, and default privileges open event_undo to none.
DO $$
DECLARE
  r record;
BEGIN
  FOR r IN
    SELECT DISTINCT c.relname, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee
    FROM pg_class c, aclexplode(c.relacl) a
    WHERE c.oid IN ('event_undo'::regclass, 'worker_event'::regclass) AND a.grantee <> c.relowner
  LOOP
    EXECUTE format('REVOKE ALL ON %I FROM %s', r.relname, r.grantee);
  END LOOP;
  FOR r IN
    SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee, array_agg(a.privilege_type) AS rights
    FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = 'event'::regclass AND a.grantee <> c.relowner GROUP BY a.grantee
  LOOP
    EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON event FROM %s', r.grantee);
    IF 'SELECT' = ANY (r.rights) THEN
      EXECUTE format('GRANT SELECT ON worker_event TO %s', r.grantee);
    END IF;
    IF r.rights @> '{INSERT,DELETE}' THEN
      EXECUTE format('GRANT INSERT, DELETE ON worker_event TO %s', r.grantee);
      EXECUTE format('GRANT SELECT ON event_undo TO %s', r.grantee);
      EXECUTE format('GRANT EXECUTE ON FUNCTION record_requests(uuid, text, text, text), purge_events(integer, integer) TO %s', r.grantee);
    END IF;
  END LOOP;
END $$;

COMMENT ON TABLE event IS 'The history of workers and of policies of models, written by triggers, so that it holds changes by hand, too. No foreign key: it outlives what it is about. SELECT undo_event(id) takes a change back. Kept for EVENT_RETENTION_DAYS.';
COMMENT ON COLUMN event.id IS 'Rises with time.';
COMMENT ON COLUMN event.at IS 'When it happened.';
COMMENT ON COLUMN event.subject IS 'What it is about: a worker, or the policy of a model.';
COMMENT ON COLUMN event.subject_id IS 'worker.id, of a worker that may be deleted; null for a policy.';
COMMENT ON COLUMN event.subject_name IS 'The model: of a worker at that time its model_name.';
COMMENT ON COLUMN event.req_url_template IS 'The URL of the worker at that time, without the query; null for a policy.';
COMMENT ON COLUMN event.kind IS 'What was done: registered (a worker, also one that comes back from offline), created (a policy), changed, deleted, restored (a deletion was undone); or the new admin_state; or the new health (recovered: healthy again); or what requests showed: ejected, failing, serving.';
COMMENT ON COLUMN event.note IS 'The columns that changed, or the reason of the new health; never a value that could be a secret.';
COMMENT ON COLUMN event.actor IS 'The author: api; what the service did by itself, such as health, retention, drained; psql:<role>, or psql:<role>/<actor> where mmm.actor is set.';
COMMENT ON COLUMN event.via IS 'How: api, psql, or service (by itself); null: recorded before this was.';
COMMENT ON COLUMN event.role IS 'The database role that logged in (session_user), which no setting changes; null: recorded before this was.';
COMMENT ON COLUMN event.generation IS 'The generation after the change.';
COMMENT ON COLUMN event.before IS 'The values before, of the columns that changed; of something deleted, those that differed from the defaults. "<sealed>" stands for what may be a credential and for the query of a URL.';
COMMENT ON COLUMN event.after IS 'The values after, like before; null: it was deleted.';
COMMENT ON COLUMN event.undoes IS 'The event that it took back.';
COMMENT ON TABLE event_undo IS 'What undo_event() needs of an event besides before and after: values to the letter, and credentials as they are sealed in worker. Never one in clear text. No role that only reads should see this table.';
COMMENT ON COLUMN event_undo.event_id IS 'event.id.';
COMMENT ON COLUMN event_undo.before IS 'The text of each column before.';
COMMENT ON COLUMN event_undo.after IS 'The text of each column after: undo_event() compares it with the row, so that no later change is lost.';
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
COMMENT ON COLUMN model.updated_by IS 'The actor that changed it last, as in event.actor.';
COMMENT ON COLUMN worker.admin_state_by IS 'The actor that changed admin_state last, as in event.actor.';

COMMENT ON FUNCTION undo_event(bigint, boolean) IS 'Takes a change back: SELECT undo_event(id). A changed row gets its former values, a deleted one comes back with its id. Refuses what would overwrite later changes, unless force. Returns the id of the event that this makes. Needs the rights on worker or model, and SELECT on event and event_undo.';
COMMENT ON FUNCTION purge_events(integer, integer) IS 'Deletes up to so many of the oldest events that are older than so many days, at least 7, with the rights of the owner. Returns how many.';
COMMENT ON FUNCTION record_requests(uuid, text, text, text) IS 'Records what requests show of a worker (ejected, failing, serving) on a host, with the rights of the owner.';
COMMENT ON FUNCTION record_event(text, uuid, text, text, text, text, integer, jsonb, jsonb, jsonb, jsonb) IS 'Writes event and event_undo, for triggers.';
COMMENT ON FUNCTION worker_record() IS 'Writes the history of workers, with the rights of the owner.';
COMMENT ON FUNCTION model_record() IS 'Writes the history of policies, with the rights of the owner.';
COMMENT ON FUNCTION event_guard() IS 'Refuses every other write to the history but by its owner, whatever is granted.';
COMMENT ON FUNCTION worker_event_write() IS 'What the release before may write to worker_event.';
COMMENT ON FUNCTION event_via() IS 'How the change came: api, psql or service.';
COMMENT ON FUNCTION event_actor() IS 'The author of a change: event.actor.';
COMMENT ON FUNCTION event_restoring() IS 'Whether a data-only restore by the owner runs: it brings its own history, and none is written.';
COMMENT ON FUNCTION event_credentials() IS 'The names of credentials, without _ and -, separated by |.';
COMMENT ON FUNCTION event_spellings(text) IS 'A pattern of these names in all their spellings: with _ and - anywhere.';
COMMENT ON FUNCTION event_reference(text) IS 'A pattern of a value up to its ending that is no credential: placeholders, or ${secret:…} and what may stand beside it.';
COMMENT ON FUNCTION event_member(text) IS 'A pattern of a member of an object in the text of jsonb, by its names, whose value is a credential.';
COMMENT ON FUNCTION event_url(text) IS 'A URL as the history shows it: without user and query.';
COMMENT ON FUNCTION event_query(text) IS 'A text without users and credentials in the queries of its URLs.';
COMMENT ON FUNCTION event_headers(jsonb) IS 'Headers as the history shows them: values that may be credentials read <sealed>.';
COMMENT ON FUNCTION event_masked(jsonb, text) IS 'A column as the history shows it: values under the names of credentials read <sealed>.';
COMMENT ON FUNCTION event_json(json) IS 'As jsonb; what jsonb cannot hold is replaced.';
COMMENT ON FUNCTION event_keeps(text, text, jsonb) IS 'Whether a value may be kept to undo the change: not one that holds a credential in clear text.';
COMMENT ON FUNCTION model_has_cycle(text) IS 'Whether fallbacks lead from a model back to itself.';
COMMENT ON FUNCTION worker_probe_restored() IS 'While a data-only restore runs (mmm.restoring), its row replaces the one that a trigger made for the worker.';
COMMENT ON FUNCTION write_worker_changes() IS 'Writes <table>_changes(), _given(), _text(), _shown(), _row() and _exact() for the columns that worker and model have now. Called by migrations that add or drop one.';
DO $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY '{worker, model}'::text[] LOOP
    EXECUTE format('COMMENT ON FUNCTION %I(%I, %I) IS %L', t || '_changes', t, t, 'The columns of a definition that differ between two versions of a row.');
    EXECUTE format('COMMENT ON FUNCTION %I(%I) IS %L', t || '_given', t, 'The columns of a definition that differ from their defaults.');
    EXECUTE format('COMMENT ON FUNCTION %I(%I, text) IS %L', t || '_text', t, 'A column as text, from which it can be restored.');
    EXECUTE format('COMMENT ON FUNCTION %I(%I, text) IS %L', t || '_shown', t, 'A column as event.before and event.after show it.');
    EXECUTE format('COMMENT ON FUNCTION %I(%I) IS %L', t || '_row', t, 'The text of each column from which a deleted row can be restored.');
    EXECUTE format('COMMENT ON FUNCTION %I(text) IS %L', t || '_exact', 'Whether event.before shows a column to the letter, so that event_undo need not hold it.');
    EXECUTE format('COMMENT ON FUNCTION %I(%I, text[]) IS %L', t || '_values', t, 'These columns as event.before and event.after show them.');
  END LOOP;
  COMMENT ON FUNCTION model_kept(model, text[]) IS 'What event_undo keeps of these columns.';
  COMMENT ON FUNCTION worker_kept(worker, text[], jsonb) IS 'What event_undo keeps of these columns.';
  COMMENT ON FUNCTION worker_kept_whole(worker, jsonb) IS 'What event_undo keeps of a deleted worker.';
END $$;

-- For what follows in the same transaction.
SELECT set_config('search_path', quote_ident(current_schema()), true);
