-- Roles and rights for the database of the Multi-Model Manager: an owner that migrates, a service that runs, and a reader for
-- people and dashboards. Run it in that database before the first migration, and again after the first migration and after each
-- upgrade; it may be run at any time, and a second run changes nothing:
--
--   psql postgres://dba@db.internal/mmm -v schema=mmm -v owner=mmm_owner -v service=mmm_service -v reader=mmm_reader -f deploy/sql/roles.sql
--
-- It needs a superuser, or a role with CREATEROLE that may create schemas in this database. Roles that are missing are made with
-- LOGIN and without a password: \password mmm_owner sets one. Only the lines that begin with \ are psql's; the rest is plain SQL.
\set ON_ERROR_STOP on
\if :{?schema}
\else
\set schema mmm
\endif
\if :{?owner}
\else
\set owner mmm_owner
\endif
\if :{?service}
\else
\set service mmm_service
\endif
\if :{?reader}
\else
\set reader mmm_reader
\endif

BEGIN;
SELECT set_config('mmm.schema', :'schema', true), set_config('mmm.owner', :'owner', true),
  set_config('mmm.service', :'service', true), set_config('mmm.reader', :'reader', true);

-- The roles and the schema.
DO $$
DECLARE
  schema text := current_setting('mmm.schema');
  owner text := current_setting('mmm.owner');
  roles text[] := ARRAY[owner, current_setting('mmm.service'), current_setting('mmm.reader')];
  name text;
BEGIN
  IF (SELECT count(DISTINCT role) FROM unnest(roles) AS role) < 3 THEN
    RAISE EXCEPTION 'owner, service and reader must be three roles, not %', roles;
  END IF;
  FOREACH name IN ARRAY roles LOOP
    IF to_regrole(quote_ident(name)) IS NULL THEN
      EXECUTE format('CREATE ROLE %I LOGIN', name);
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), name);
  END LOOP;
  -- What follows is done in the owner's name; without CREATEROLE's own membership it would be refused.
  IF NOT pg_has_role(current_user, owner, 'USAGE') THEN
    EXECUTE format('GRANT %I TO %I', owner, current_user);
  END IF;
  IF to_regnamespace(quote_ident(schema)) IS NULL THEN
    EXECUTE format('CREATE SCHEMA %I AUTHORIZATION %I', schema, owner);
  ELSE
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', schema, owner);
  END IF;
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I, %I', schema, roles[2], roles[3]);
END $$;

-- Tables of another owner: later migrations, which change tables, would fail, and so would the grants below.
DO $$
DECLARE
  other text := (SELECT min(pg_get_userbyid(relowner)) FROM pg_class
    WHERE relnamespace = to_regnamespace(quote_ident(current_setting('mmm.schema'))) AND relkind IN ('r', 'v')
      AND relname IN ('migration', 'worker', 'worker_overview') AND relowner <> to_regrole(quote_ident(current_setting('mmm.owner'))));
BEGIN
  IF other IS NOT NULL THEN
    RAISE EXCEPTION 'the tables of the schema % belong to %, and not to %', current_setting('mmm.schema'), other, current_setting('mmm.owner')
      USING HINT = format('Give the role that has migrated so far as the owner (-v owner=%s), or change the owner of all tables, views and functions first.', other);
  END IF;
END $$;

-- The service: all rows, and what the next release adds. It cannot rewrite the history, nor say which migrations ran.
DO $$
DECLARE
  schema text := current_setting('mmm.schema');
  owner text := current_setting('mmm.owner');
  service text := current_setting('mmm.service');
  name text;
BEGIN
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO %I', schema, service);
  -- FOR ROLE: without it, it would hold for tables that the role running this script makes, and not for those of migrations.
  EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I', owner, schema, service);
  EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I GRANT USAGE ON SEQUENCES TO %I', owner, schema, service);
  FOR name IN SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(schema)) AND relkind IN ('r', 'v')
    AND (relkind = 'v' OR relname IN ('migration', 'event', 'event_undo'))
  LOOP
    EXECUTE format('REVOKE ALL ON %I.%I FROM %I', schema, name, service);
    EXECUTE format('GRANT %s ON %I.%I TO %I', CASE name WHEN 'worker_event' THEN 'SELECT, INSERT, DELETE' ELSE 'SELECT' END, schema, name, service);
  END LOOP;
  -- Its only ways to write the history, which the migration that makes them opens to no role that came later.
  IF to_regclass(format('%I.event', schema)) IS NOT NULL THEN
    EXECUTE format('GRANT EXECUTE ON FUNCTION %1$I.record_requests(uuid, text, text, text), %1$I.purge_events(integer, integer) TO %2$I', schema, service);
  END IF;
END $$;

-- The reader: all views, and the columns of tables that hold no secrets, prompts or results. What is not named or is new stays
-- closed: job_file holds files, signing_key signs links, event_undo holds sealed credentials.
DO $$
DECLARE
  schema text := current_setting('mmm.schema');
  reader text := current_setting('mmm.reader');
  name text;
  columns text;
BEGIN
  EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM %I', schema, reader);
  FOR name IN SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(schema)) AND relkind = 'v' LOOP
    EXECUTE format('GRANT SELECT ON %I.%I TO %I', schema, name, reader);
  END LOOP;
  FOR name, columns IN
    SELECT c.relname, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = to_regnamespace(quote_ident(schema)) AND c.relkind = 'r'
      AND c.relname IN ('migration', 'model', 'worker', 'event', 'worker_probe', 'worker_power', 'worker_trouble', 'worker_slot',
        'worker_slot_wish', 'replica', 'replica_demand', 'replica_fault', 'api_key', 'api_key_use', 'team', 'session_end', 'limit_use', 'replica_minute', 'worker_traffic', 'model_traffic', 'usage_hourly', 'usage_by_hour', 'usage_by_worker', 'usage_daily', 'usage_batch', 'job', 'job_event', 'job_worker', 'job_webhook')
      AND (c.relname, a.attname) NOT IN (
        ('worker', 'header'), ('worker', 'sealed_header'), ('worker', 'body'), ('worker', 'req_param'), ('worker', 'poll'),
        ('worker', 'wake'), ('worker', 'sleep'), ('worker', 'asleep_when'),
        ('api_key', 'hash'), ('api_key', 'old_hash'), ('job', 'request'), ('job', 'result'), ('job', 'kept'), ('job', 'idempotency_key'), ('job', 'webhook_url'),
        ('job_webhook', 'url'), ('job_webhook', 'body'))
    GROUP BY c.relname
  LOOP
    EXECUTE format('GRANT SELECT (%s) ON %I.%I TO %I', columns, schema, name, reader);
  END LOOP;
END $$;
COMMIT;
