-- Comments in plain words: polled instead of asked for, the client instead of the caller. Changes nothing else, so any release may run
-- beside it.

COMMENT ON TABLE job IS 'One piece of long work a row: a request that is submitted to a worker and polled, and whose result is fetched. Changes made here by hand take effect: cancel_wanted = true cancels, due_at = now() polls at once.';
COMMENT ON COLUMN job.model_name IS 'The model that the client requested.';
COMMENT ON COLUMN job.owner_key IS 'The key of the client; empty without keys.';
COMMENT ON COLUMN job.mode IS 'poll: submitted, then polled. call: one call of a worker without poll gives the result.';
COMMENT ON COLUMN job.version IS 'Rises with every change that clients can see.';
COMMENT ON COLUMN job.upstream_word IS 'The state as the upstream names it.';
COMMENT ON COLUMN job.queue_position IS 'In the upstream''s queue, where it is reported.';
COMMENT ON COLUMN job.error_code IS 'Why it failed or was cancelled: a value of a fixed list.';
COMMENT ON COLUMN job.request IS 'What the client requested, prompts included: no role that only reads should see this column. Input files are in job_file.';
COMMENT ON COLUMN job.looks IS 'How often the upstream was polled for it.';
COMMENT ON COLUMN job.done_at IS 'When the upstream first reported that it is done; the result follows.';
COMMENT ON COLUMN job.removed_at IS 'When its client deleted it: lists no longer show it, and the row is deleted once the job has ended.';
COMMENT ON COLUMN job_overview.model_name IS 'The model that the client requested.';
COMMENT ON COLUMN job_overview.owner_key IS 'The key of the client; empty without keys.';
COMMENT ON COLUMN job_overview.upstream_word IS 'The state as the upstream names it.';
COMMENT ON COLUMN job_overview.queue_position IS 'In the upstream''s queue, where it is reported.';
COMMENT ON COLUMN job_overview.looks IS 'How often the upstream was polled for it.';
COMMENT ON COLUMN job_overview.removed_at IS 'When its client deleted it.';
COMMENT ON TABLE job_webhook IS 'Webhook calls for ended jobs, to the webhook_url that the client gave: one a job, tried up to six times.';
COMMENT ON COLUMN job_webhook.ended_at IS 'When it was delivered, or its last try failed.';
COMMENT ON COLUMN job_worker.busy_in_row IS 'Submits in a row that it refused as busy.';
