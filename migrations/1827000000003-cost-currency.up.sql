-- The currency of cost_per_month: costs in another one do not count. Null, as before: all costs are added as if they were of one currency. The
-- release before may run beside it: it adds them so.

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

ALTER TABLE team ADD COLUMN cost_currency text, ADD CONSTRAINT team_cost_currency CHECK (cost_currency ~ '^[A-Z]{3}$');
ALTER TABLE api_key ADD COLUMN cost_currency text, ADD CONSTRAINT api_key_cost_currency CHECK (cost_currency ~ '^[A-Z]{3}$');

-- What was counted before is of another currency.
CREATE FUNCTION limit_use_recount() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
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
END $$;
CREATE TRIGGER team_recount AFTER UPDATE ON team FOR EACH ROW WHEN (OLD.cost_currency IS DISTINCT FROM NEW.cost_currency) EXECUTE FUNCTION limit_use_recount();
CREATE TRIGGER api_key_recount AFTER UPDATE ON api_key FOR EACH ROW WHEN (OLD.cost_currency IS DISTINCT FROM NEW.cost_currency) EXECUTE FUNCTION limit_use_recount();

SELECT write_row_checks();

COMMENT ON FUNCTION limit_use_recount() IS 'Sums the cost of the month again when cost_currency changes.';
COMMENT ON COLUMN team.cost_per_month IS 'Cost in a calendar month (UTC), in cost_currency; null: no limit.';
COMMENT ON COLUMN team.cost_currency IS 'The currency of cost_per_month, such as EUR: costs in another one do not count. Null: all costs are added as if they were of one currency.';
COMMENT ON COLUMN api_key.cost_per_month IS 'Cost in a calendar month (UTC), in cost_currency; null: no limit.';
COMMENT ON COLUMN api_key.cost_currency IS 'The currency of cost_per_month, such as EUR: costs in another one do not count. Null: all costs are added as if they were of one currency.';
COMMENT ON COLUMN limit_use.month_cost IS 'What the requests cost, in the cost_currency of the key or team, if it has one.';

SELECT set_config('search_path', quote_ident(current_schema()), true);
