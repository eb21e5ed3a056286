-- loses nothing

DO $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY '{worker, job, job_file, job_webhook, api_key, signing_key}'::text[] LOOP
    EXECUTE format('DROP TRIGGER %I ON %I', t || '_check', t);
    EXECUTE format('DROP FUNCTION %I()', t || '_check');
  END LOOP;
END $$;
DROP FUNCTION write_row_checks();
DROP FUNCTION refuse_row(regclass, text);
