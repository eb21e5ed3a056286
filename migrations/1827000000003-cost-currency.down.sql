-- loses team.cost_currency: SELECT count(*) FROM team WHERE cost_currency IS NOT NULL
-- loses api_key.cost_currency: SELECT count(*) FROM api_key WHERE cost_currency IS NOT NULL

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

DROP TRIGGER team_recount ON team;
DROP TRIGGER api_key_recount ON api_key;
DROP FUNCTION limit_use_recount();
ALTER TABLE team DROP COLUMN cost_currency;
ALTER TABLE api_key DROP COLUMN cost_currency;
SELECT write_row_checks();

COMMENT ON COLUMN team.cost_per_month IS 'Cost in a calendar month (UTC), in the currency of the prices; null: no limit.';
COMMENT ON COLUMN api_key.cost_per_month IS 'Cost in a calendar month (UTC), in the currency of the prices; null: no limit.';
COMMENT ON COLUMN limit_use.month_cost IS 'What the requests cost, in the currency of the prices.';

SELECT set_config('search_path', quote_ident(current_schema()), true);
