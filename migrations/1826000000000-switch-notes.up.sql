-- An event of a new admin_state has a note: why the worker is switched. The release before sets none, so it may run beside this one.

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

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
END $$;

COMMENT ON COLUMN event.note IS 'The columns that changed, or the reason of the new health, never a value that could be a secret; or the note of a switch (mmm.note).';
