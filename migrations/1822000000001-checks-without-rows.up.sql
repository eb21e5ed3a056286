-- A CHECK or NOT NULL that fails prints the whole row, into the client's terminal and into PostgreSQL's log: with the header as it was
-- typed, and with what stands in URL, parameters, body and prompt. A trigger now refuses such a row first, and shows none of it. The
-- constraints stay. Any release may run beside it: it gets the same SQLSTATE with the same names.

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- Written out, as write_worker_changes() does. Every later migration that changes a CHECK or NOT NULL of such a table calls it at its end.
CREATE FUNCTION write_row_checks() RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $function$
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
END $function$;

CREATE FUNCTION refuse_row(relation regclass, broken text) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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
END $$;

SELECT write_row_checks();

COMMENT ON FUNCTION write_row_checks() IS 'Writes <table>_check() for the constraints that the tables with credentials and prompts have now. Called by migrations that change one.';
COMMENT ON FUNCTION refuse_row(regclass, text) IS 'Refuses a row, for <table>_check().';

SELECT set_config('search_path', quote_ident(current_schema()), true);
