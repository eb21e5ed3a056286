-- Such models get consistent_hash.
-- loses model.strategy: SELECT count(*) FROM model WHERE strategy = 'prefix_affinity'

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

UPDATE model SET strategy = 'consistent_hash' WHERE strategy = 'prefix_affinity';
ALTER TABLE model
  DROP CONSTRAINT model_strategy_known_2,
  ADD CONSTRAINT model_strategy_known CHECK (strategy IN ('least_load', 'least_request', 'round_robin', 'random', 'power_of_two', 'peak_ewma', 'consistent_hash'));
