-- loses nothing

DROP FUNCTION write_worker_changes();
CREATE OR REPLACE FUNCTION worker_changes(before worker, after worker) RETURNS text[]
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $function$
      DECLARE
        changed text[];
      BEGIN
        EXECUTE (
          SELECT format('SELECT array_remove(ARRAY[%s], NULL)',
            string_agg(format('CASE WHEN ($1).%1$I::text IS DISTINCT FROM ($2).%1$I::text THEN %1$L END', attname), ', ' ORDER BY attnum))
          FROM pg_attribute
          WHERE attrelid = 'worker'::regclass AND attnum > 0 AND NOT attisdropped
            AND attname NOT IN ('id', 'admin_state', 'admin_state_since', 'admin_state_by', 'health', 'health_reason', 'health_since',
              'generation', 'created_at', 'updated_at')
        ) INTO changed USING before, after;
        RETURN changed;
      END $function$;
