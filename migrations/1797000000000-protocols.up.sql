-- Workers that speak the API of OpenAI, Anthropic or Gemini, and templates that stream. Adds only; but the release before
-- shows workers of a protocol it does not know as ones it can't call.

ALTER TABLE worker
  DROP CONSTRAINT worker_protocol_known,
  ADD CONSTRAINT worker_protocol_known CHECK (protocol IN ('template', 'openai', 'anthropic', 'gemini')),
  ADD COLUMN upstream_model text,
  ADD COLUMN stream_extract json,
  ADD COLUMN usage_extract json,
  ADD CONSTRAINT worker_upstream_model_length CHECK (char_length(upstream_model) BETWEEN 1 AND 200);
COMMENT ON COLUMN worker.protocol IS 'How it is spoken to. template: by body, req_param, header and response_extract. openai, anthropic, gemini: by that API, req_url_template being its base.';
COMMENT ON COLUMN worker.upstream_model IS 'What the upstream calls the model, where it has another name there.';
COMMENT ON COLUMN worker.stream_extract IS 'How a template worker that streams is read, event by event: {"text", "format", "done", "finish_reason", "usage", "delta"}.';
COMMENT ON COLUMN worker.usage_extract IS 'Where a whole answer tells its tokens: {"input", "output"}, paths as in response_extract.';
