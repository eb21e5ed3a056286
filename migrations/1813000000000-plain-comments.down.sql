-- loses nothing

COMMENT ON TABLE job IS 'One piece of long work a row: a request that is submitted to a worker, asked for, and whose result is fetched. Changes made here by hand are obeyed: cancel_wanted = true cancels, due_at = now() asks at once.';
COMMENT ON COLUMN job.model_name IS 'The model that the client asked for.';
COMMENT ON COLUMN job.owner_key IS 'The key of the caller; empty without keys.';
COMMENT ON COLUMN job.mode IS 'poll: submitted, then asked for. call: one call of a worker without poll gives the result.';
COMMENT ON COLUMN job.version IS 'Rises with every change that callers can see.';
COMMENT ON COLUMN job.upstream_word IS 'The upstream''s own word for its state.';
COMMENT ON COLUMN job.queue_position IS 'In the upstream''s queue, where it says so.';
COMMENT ON COLUMN job.error_code IS 'Why it failed or was cancelled: a word of a fixed list.';
COMMENT ON COLUMN job.request IS 'What the client asked for, prompts included: no role that only reads should see this column. Input files are in job_file.';
COMMENT ON COLUMN job.looks IS 'How often the upstream was asked for it.';
COMMENT ON COLUMN job.done_at IS 'When the upstream first said that it is done; the result follows.';
COMMENT ON COLUMN job.removed_at IS 'When its caller deleted it: lists no longer show it, and the row goes once the job has ended.';
COMMENT ON COLUMN job_overview.model_name IS 'The model that the client asked for.';
COMMENT ON COLUMN job_overview.owner_key IS 'The key of the caller; empty without keys.';
COMMENT ON COLUMN job_overview.upstream_word IS 'The upstream''s own word for its state.';
COMMENT ON COLUMN job_overview.queue_position IS 'In the upstream''s queue, where it says so.';
COMMENT ON COLUMN job_overview.looks IS 'How often the upstream was asked for it.';
COMMENT ON COLUMN job_overview.removed_at IS 'When its caller deleted it.';
COMMENT ON TABLE job_webhook IS 'Reports of ended jobs to the webhook_url of their callers: one a job, tried up to six times.';
COMMENT ON COLUMN job_webhook.ended_at IS 'When it was delivered or given up.';
COMMENT ON COLUMN job_worker.busy_in_row IS 'Submits in a row that it turned away as busy.';
