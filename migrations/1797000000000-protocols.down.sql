-- loses worker: SELECT count(*) FROM worker WHERE protocol <> 'template'
-- loses worker.upstream_model: SELECT count(*) FROM worker WHERE protocol = 'template' AND upstream_model IS NOT NULL
-- loses worker.stream_extract: SELECT count(*) FROM worker WHERE protocol = 'template' AND stream_extract IS NOT NULL
-- loses worker.usage_extract: SELECT count(*) FROM worker WHERE protocol = 'template' AND usage_extract IS NOT NULL

DELETE FROM worker WHERE protocol <> 'template';
ALTER TABLE worker
  DROP CONSTRAINT worker_protocol_known,
  ADD CONSTRAINT worker_protocol_known CHECK (protocol IN ('template')),
  DROP COLUMN upstream_model, DROP COLUMN stream_extract, DROP COLUMN usage_extract;
COMMENT ON COLUMN worker.protocol IS 'How it is spoken to. template: by body, req_param, header and response_extract.';
