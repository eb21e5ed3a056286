-- loses nothing

CREATE UNIQUE INDEX worker_natural_key_md5 ON worker (model_name, md5(req_url_template), name);
DROP INDEX worker_natural_key;
ALTER INDEX worker_natural_key_md5 RENAME TO worker_natural_key;
