DELETE FROM worker WHERE protocol <> 'template';
ALTER TABLE worker
  DROP CONSTRAINT worker_protocol_known,
  ADD CONSTRAINT worker_protocol_known CHECK (protocol IN ('template')),
  DROP COLUMN upstream_model, DROP COLUMN stream_extract, DROP COLUMN usage_extract;
COMMENT ON COLUMN worker.protocol IS 'How it is spoken to. template: by body, req_param, header and response_extract.';
