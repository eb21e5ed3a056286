-- loses nothing

DROP TABLE model_traffic;
DROP INDEX worker_created;
