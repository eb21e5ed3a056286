-- loses limit_use: SELECT count(*) FROM limit_use

DROP TABLE limit_use;
