-- A strategy that keeps conversations together. The release before may run beside it: it uses BALANCING_STRATEGY for a model with this one.

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

ALTER TABLE model
  DROP CONSTRAINT model_strategy_known,
  ADD CONSTRAINT model_strategy_known_2 CHECK (strategy IN ('least_load', 'least_request', 'round_robin', 'random', 'power_of_two', 'peak_ewma', 'consistent_hash', 'prefix_affinity'));
