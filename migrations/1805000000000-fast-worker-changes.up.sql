-- `worker_changes` compared columns by SQL that it built at every call, twice for each changed row: changing 10,000 rows by hand
-- took 31 to 47 s. It is now written out once, by `write_worker_changes()`, which every later migration that adds or drops a column of
-- `worker` calls at its end.

CREATE FUNCTION write_worker_changes() RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $function$
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
      END $function$;
SELECT write_worker_changes();
COMMENT ON FUNCTION write_worker_changes() IS 'Writes worker_changes() for the columns that worker has now. Called by migrations that add or drop one.';
COMMENT ON FUNCTION worker_changes(worker, worker) IS 'The columns of a definition that differ between two versions of a row.';
