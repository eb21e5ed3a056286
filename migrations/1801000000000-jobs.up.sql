-- Long work: jobs under leases (`job`), their history (`job_event`), their files (`job_file`), what jobs have shown of a
-- worker (`job_worker`), and the view `job_overview`. Adds only: the release before may run beside it.

CREATE TABLE job (
  id              uuid        NOT NULL,
  model_name      text        NOT NULL,
  worker_id       uuid,
  owner_key       text        NOT NULL DEFAULT '',
  kind            text        NOT NULL,
  mode            text        NOT NULL DEFAULT 'poll',
  state           text        NOT NULL DEFAULT 'queued',
  state_since     timestamptz NOT NULL DEFAULT now(),
  version         integer     NOT NULL DEFAULT 1,
  upstream_word   text        NOT NULL DEFAULT '',
  progress        integer     NOT NULL DEFAULT 0,
  queue_position  integer,
  note            text        NOT NULL DEFAULT '',
  error_code      text,
  error           text,
  request         json        NOT NULL,
  input_bytes     bigint      NOT NULL DEFAULT 0,
  kept            json        NOT NULL DEFAULT '{}',
  result          json,
  submits         integer     NOT NULL DEFAULT 0,
  looks           integer     NOT NULL DEFAULT 0,
  unable          uuid[]      NOT NULL DEFAULT '{}',
  tried           uuid[]      NOT NULL DEFAULT '{}',
  created_at      timestamptz NOT NULL DEFAULT now(),
  queue_until     timestamptz NOT NULL,
  submitted_at    timestamptz,
  deadline_at     timestamptz,
  not_found_since timestamptz,
  done_at         timestamptz,
  cancel_at       timestamptz,
  ended_at        timestamptz,
  expires_at      timestamptz,
  removed_at      timestamptz,
  due_at          timestamptz NOT NULL DEFAULT now(),
  lease_owner     uuid,
  lease_until     timestamptz,
  fence           integer     NOT NULL DEFAULT 0,
  cancel_wanted   boolean     NOT NULL DEFAULT false,
  idempotency_key text,
  request_hash    text,
  request_id      text        NOT NULL DEFAULT '',
  webhook_url     text,
  CONSTRAINT job_pkey PRIMARY KEY (id),
  CONSTRAINT job_of_worker FOREIGN KEY (worker_id) REFERENCES worker (id) ON DELETE SET NULL,
  CONSTRAINT job_model_name_length CHECK (char_length(model_name) BETWEEN 1 AND 200),
  CONSTRAINT job_kind_known CHECK (kind IN ('image', 'video', 'audio', 'text')),
  CONSTRAINT job_mode_known CHECK (mode IN ('poll', 'call')),
  CONSTRAINT job_state_known CHECK (state IN ('queued', 'submitting', 'unknown', 'running', 'cancelling', 'succeeded', 'failed', 'cancelled')),
  CONSTRAINT job_error_code_known CHECK (error_code IN ('busy', 'submit_refused', 'submit_unknown', 'upstream_failed', 'upstream_lost', 'result_missing', 'result_unreachable', 'result_forbidden', 'timeout', 'misconfigured', 'cancelled', 'worker_deleted')),
  CONSTRAINT job_failed_with_code CHECK ((state IN ('failed', 'cancelled')) = (error_code IS NOT NULL)),
  CONSTRAINT job_ended_with_state CHECK ((state IN ('succeeded', 'failed', 'cancelled')) = (ended_at IS NOT NULL)),
  CONSTRAINT job_progress_range CHECK (progress BETWEEN 0 AND 100),
  CONSTRAINT job_counts CHECK (submits >= 0 AND looks >= 0 AND version > 0 AND input_bytes >= 0),
  CONSTRAINT job_lease_whole CHECK ((lease_owner IS NULL) = (lease_until IS NULL)),
  CONSTRAINT job_idempotency_key_length CHECK (char_length(idempotency_key) BETWEEN 1 AND 255)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);
-- All partial over what is alive, except those that lists and retention need. None holds lease_until: claims stay HOT.
CREATE INDEX job_due ON job (due_at) WHERE state IN ('running', 'unknown', 'cancelling');
CREATE INDEX job_active_of_worker ON job (worker_id) WHERE state IN ('submitting', 'unknown', 'running', 'cancelling');
CREATE INDEX job_queued ON job (model_name, owner_key, created_at) WHERE state = 'queued';
CREATE INDEX job_submitting ON job (id) WHERE state = 'submitting';
CREATE INDEX job_of_owner ON job (owner_key, created_at, id);
CREATE INDEX job_ended ON job (ended_at) WHERE ended_at IS NOT NULL;
CREATE UNIQUE INDEX job_idempotency ON job (owner_key, idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE TABLE job_event (
  id     bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
  at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  job_id uuid        NOT NULL,
  state  text        NOT NULL,
  note   text        NOT NULL DEFAULT '',
  actor  text        NOT NULL,
  CONSTRAINT job_event_pkey PRIMARY KEY (id),
  CONSTRAINT job_event_job FOREIGN KEY (job_id) REFERENCES job (id) ON DELETE CASCADE
);
CREATE INDEX job_event_of_job ON job_event (job_id, id);

CREATE TABLE job_file (
  job_id uuid    NOT NULL,
  role   text    NOT NULL,
  number integer NOT NULL,
  copy   integer NOT NULL,
  part   integer NOT NULL,
  bytes  bytea   NOT NULL,
  CONSTRAINT job_file_pkey PRIMARY KEY (job_id, role, number, copy, part),
  CONSTRAINT job_file_job FOREIGN KEY (job_id) REFERENCES job (id) ON DELETE CASCADE,
  CONSTRAINT job_file_role_known CHECK (role IN ('input', 'result')),
  CONSTRAINT job_file_numbers CHECK (number >= 0 AND copy >= 0 AND part >= 0)
);
-- Pictures and films do not shrink: compressing them costs time only.
ALTER TABLE job_file ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE job_worker (
  worker_id       uuid        NOT NULL,
  busy_in_row     integer     NOT NULL DEFAULT 0,
  faults_in_row   integer     NOT NULL DEFAULT 0,
  failures_in_row integer     NOT NULL DEFAULT 0,
  paused_until    timestamptz,
  pause_reason    text        NOT NULL DEFAULT '',
  last_failure    text        NOT NULL DEFAULT '',
  last_failure_at timestamptz,
  CONSTRAINT job_worker_pkey PRIMARY KEY (worker_id),
  CONSTRAINT job_worker_worker FOREIGN KEY (worker_id) REFERENCES worker (id) ON DELETE CASCADE,
  CONSTRAINT job_worker_counts CHECK (busy_in_row >= 0 AND faults_in_row >= 0 AND failures_in_row >= 0)
);

COMMENT ON TABLE  job IS 'One piece of long work a row: a request that is submitted to a worker, asked for, and whose result is fetched. Changes made here by hand are obeyed: cancel_wanted = true cancels, due_at = now() asks at once.';
COMMENT ON COLUMN job.id IS 'A UUID of version 7: ids rise with time.';
COMMENT ON COLUMN job.model_name IS 'The model that the client asked for.';
COMMENT ON COLUMN job.worker_id IS 'The worker that has the job; null: none yet, or it was deleted.';
COMMENT ON COLUMN job.owner_key IS 'The key of the caller; empty without keys.';
COMMENT ON COLUMN job.kind IS 'What is made: image, video, audio or text.';
COMMENT ON COLUMN job.mode IS 'poll: submitted, then asked for. call: one call of a worker without poll gives the result.';
COMMENT ON COLUMN job.state IS 'queued, submitting, unknown (it is not known whether the submit arrived), running, cancelling, succeeded, failed or cancelled. An ended job never changes its state.';
COMMENT ON COLUMN job.state_since IS 'When state last changed.';
COMMENT ON COLUMN job.version IS 'Rises with every change that callers can see.';
COMMENT ON COLUMN job.upstream_word IS 'The upstream''s own word for its state.';
COMMENT ON COLUMN job.progress IS '0 to 100; never falls.';
COMMENT ON COLUMN job.queue_position IS 'In the upstream''s queue, where it says so.';
COMMENT ON COLUMN job.note IS 'What is unusual at the moment, such as an upstream that does not answer.';
COMMENT ON COLUMN job.error_code IS 'Why it failed or was cancelled: a word of a fixed list.';
COMMENT ON COLUMN job.error IS 'The same in a sentence, with the upstream''s words.';
COMMENT ON COLUMN job.request IS 'What the client asked for, prompts included: no role that only reads should see this column. Input files are in job_file.';
COMMENT ON COLUMN job.input_bytes IS 'Size of the input files in job_file.';
COMMENT ON COLUMN job.kept IS 'Values of the answer to the submit, such as the upstream''s id of the task.';
COMMENT ON COLUMN job.result IS 'The files of the result: URLs of the upstream, or parts in job_file.';
COMMENT ON COLUMN job.submits IS 'How often it was submitted. More than once only while the upstream had made nothing, or as poll.resubmit says.';
COMMENT ON COLUMN job.looks IS 'How often the upstream was asked for it.';
COMMENT ON COLUMN job.unable IS 'Workers whose template cannot express the request.';
COMMENT ON COLUMN job.tried IS 'Workers that did not take it; others are tried first.';
COMMENT ON COLUMN job.created_at IS 'When the client''s request was accepted.';
COMMENT ON COLUMN job.queue_until IS 'A job that is still queued then fails.';
COMMENT ON COLUMN job.submitted_at IS 'When it was last given to a worker.';
COMMENT ON COLUMN job.deadline_at IS 'A job that is still running then fails, after one more look.';
COMMENT ON COLUMN job.not_found_since IS 'Since when the upstream does not know the task.';
COMMENT ON COLUMN job.done_at IS 'When the upstream first said that it is done; the result follows.';
COMMENT ON COLUMN job.cancel_at IS 'When cancel_wanted was set.';
COMMENT ON COLUMN job.ended_at IS 'When it succeeded, failed or was cancelled.';
COMMENT ON COLUMN job.expires_at IS 'When the upstream deletes the files of the result, where that is known.';
COMMENT ON COLUMN job.removed_at IS 'When its caller deleted it: lists no longer show it, and the row goes once the job has ended.';
COMMENT ON COLUMN job.due_at IS 'When it is looked at next; of a queued job, when it may start.';
COMMENT ON COLUMN job.lease_owner IS 'The replica that acts on it now.';
COMMENT ON COLUMN job.lease_until IS 'Another replica takes over after that.';
COMMENT ON COLUMN job.fence IS 'Rises with every lease: the holder of an older one writes nothing.';
COMMENT ON COLUMN job.cancel_wanted IS 'Set it to cancel the job.';
COMMENT ON COLUMN job.idempotency_key IS 'The Idempotency-Key of the client''s request.';
COMMENT ON COLUMN job.request_hash IS 'SHA-256 of the client''s request, to recognize a repetition.';
COMMENT ON COLUMN job.request_id IS 'The id of the client''s request in the log.';
COMMENT ON COLUMN job.webhook_url IS 'Where its end is reported; null: nowhere.';

COMMENT ON TABLE  job_event IS 'The history of jobs, written by a trigger; deleted with the job.';
COMMENT ON COLUMN job_event.id IS 'Rises with time.';
COMMENT ON COLUMN job_event.at IS 'When it happened.';
COMMENT ON COLUMN job_event.job_id IS 'The job.';
COMMENT ON COLUMN job_event.state IS 'The job''s state from then on.';
COMMENT ON COLUMN job_event.note IS 'The job''s note or error from then on.';
COMMENT ON COLUMN job_event.actor IS 'jobs, api, or the database user of a change by hand.';

COMMENT ON TABLE  job_file IS 'Files of jobs in parts of 1 MiB: input files until the job is submitted, results until the job is deleted.';
COMMENT ON COLUMN job_file.job_id IS 'The job.';
COMMENT ON COLUMN job_file.role IS 'input or result.';
COMMENT ON COLUMN job_file.number IS 'Which file of the job, from 0.';
COMMENT ON COLUMN job_file.copy IS 'The fence of its writer: parts of two copies are never mixed.';
COMMENT ON COLUMN job_file.part IS 'Which part of the file, from 0.';
COMMENT ON COLUMN job_file.bytes IS 'The part.';

COMMENT ON TABLE  job_worker IS 'What jobs have shown of a worker; no row: nothing bad. Deleting a row forgets it.';
COMMENT ON COLUMN job_worker.worker_id IS 'The worker.';
COMMENT ON COLUMN job_worker.busy_in_row IS 'Submits in a row that it turned away as busy.';
COMMENT ON COLUMN job_worker.faults_in_row IS 'Jobs in a row that ended by the worker''s fault: task forgotten, too slow, out of reach.';
COMMENT ON COLUMN job_worker.failures_in_row IS 'Jobs in a row that failed, whatever the cause: from five on, one job at a time.';
COMMENT ON COLUMN job_worker.paused_until IS 'It gets no new jobs until then.';
COMMENT ON COLUMN job_worker.pause_reason IS 'Why it is paused: busy, unreachable or faults.';
COMMENT ON COLUMN job_worker.last_failure IS 'The error of the last job that failed there.';
COMMENT ON COLUMN job_worker.last_failure_at IS 'When that was.';

CREATE FUNCTION job_before() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF OLD.ended_at IS NOT NULL AND NEW.state <> OLD.state THEN
      RAISE EXCEPTION 'job % has ended as %: its state cannot change', OLD.id, OLD.state USING ERRCODE = 'check_violation';
    END IF;
    NEW.version := OLD.version + 1;
    IF NEW.cancel_wanted AND NOT OLD.cancel_wanted THEN
      NEW.cancel_at := now();
    END IF;
  END IF;
  IF NEW.cancel_wanted AND NEW.ended_at IS NULL THEN
    IF NEW.state = 'queued' THEN
      NEW.state := 'cancelled';
      NEW.error_code := 'cancelled';
      NEW.error := 'the job was cancelled before it was submitted';
    ELSIF NEW.state = 'running' THEN
      NEW.state := 'cancelling';
      NEW.due_at := now();
    END IF;
  END IF;
  IF NEW.state IN ('succeeded', 'failed', 'cancelled') AND NEW.ended_at IS NULL THEN
    NEW.ended_at := now();
    NEW.lease_owner := NULL;
    NEW.lease_until := NULL;
    NEW.queue_position := NULL;
    IF NEW.state = 'succeeded' THEN
      NEW.progress := 100;
    END IF;
  END IF;
  IF TG_OP = 'UPDATE' AND NEW.state <> OLD.state THEN
    NEW.state_since := now();
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION job_follow() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO job_event (job_id, state, note, actor) VALUES (NEW.id, NEW.state, coalesce(NEW.error, NEW.note),
    coalesce(nullif(current_setting('mmm.actor', true), ''), session_user));
  IF TG_OP = 'INSERT' OR NEW.state <> OLD.state OR NEW.cancel_wanted <> OLD.cancel_wanted THEN
    PERFORM pg_notify('job_changed', TG_TABLE_SCHEMA || ' ' || NEW.id || ' ' || NEW.state);
  END IF;
  RETURN NULL;
END $$;

-- Leases and looks that show nothing new run neither function.
CREATE TRIGGER job_before_insert BEFORE INSERT ON job FOR EACH ROW EXECUTE FUNCTION job_before();
CREATE TRIGGER job_before_update BEFORE UPDATE ON job FOR EACH ROW
  WHEN ((OLD.state, OLD.worker_id, OLD.upstream_word, OLD.progress, OLD.queue_position, OLD.note, OLD.error_code, OLD.error, OLD.cancel_wanted, OLD.submitted_at, OLD.expires_at)
    IS DISTINCT FROM (NEW.state, NEW.worker_id, NEW.upstream_word, NEW.progress, NEW.queue_position, NEW.note, NEW.error_code, NEW.error, NEW.cancel_wanted, NEW.submitted_at, NEW.expires_at))
  EXECUTE FUNCTION job_before();
CREATE TRIGGER job_follow_insert AFTER INSERT ON job FOR EACH ROW EXECUTE FUNCTION job_follow();
CREATE TRIGGER job_follow_update AFTER UPDATE ON job FOR EACH ROW
  WHEN (OLD.state <> NEW.state OR OLD.note <> NEW.note OR OLD.cancel_wanted <> NEW.cancel_wanted)
  EXECUTE FUNCTION job_follow();

CREATE VIEW job_overview AS
-- Counted once, not for each job that waits.
WITH active AS MATERIALIZED (
  SELECT worker_id, count(*) AS jobs FROM job WHERE state IN ('submitting', 'unknown', 'running', 'cancelling') GROUP BY worker_id
)
SELECT j.id, j.model_name, j.kind, j.owner_key, j.state,
  date_trunc('second', now() - j.state_since) AS state_for,
  date_trunc('second', coalesce(j.ended_at, now()) - j.created_at) AS age,
  CASE
    WHEN j.state IN ('failed', 'cancelled') THEN j.error_code || ': ' || coalesce(j.error, '')
    WHEN j.state = 'succeeded' THEN ''
    WHEN j.state = 'queued' AND j.due_at > now() THEN 'waits until ' || date_trunc('second', j.due_at) || coalesce(': ' || nullif(j.note, ''), '')
    WHEN j.state = 'queued' AND j.mode = 'poll' THEN coalesce(wait.reason, 'no worker has this model') || coalesce('; ' || nullif(j.note, ''), '')
    WHEN j.state <> 'queued' AND j.mode = 'poll' AND j.worker_id IS NULL THEN 'its worker was deleted'
    WHEN j.state = 'submitting' AND j.lease_until < now() THEN 'its replica is gone'
    WHEN j.state IN ('running', 'unknown', 'cancelling') AND j.due_at < now() - interval '30 s' AND (j.lease_until IS NULL OR j.lease_until < now()) THEN 'no replica looks at it'
    ELSE j.note
  END AS why,
  w.name AS worker_name, w.req_url_template AS worker_url, w.admin_state AS worker_state, w.health AS worker_health, j.worker_id,
  j.upstream_word, j.progress, j.queue_position, j.submits, j.looks,
  j.created_at, j.submitted_at, j.ended_at, j.due_at, j.deadline_at, j.expires_at,
  r.host AS lease_host, j.lease_until, j.cancel_wanted, j.removed_at, j.request_id
FROM job j
LEFT JOIN worker w ON w.id = j.worker_id
LEFT JOIN replica r ON r.id = j.lease_owner
LEFT JOIN LATERAL (
  SELECT string_agg(text, ', ' ORDER BY text) AS reason FROM (
    SELECT count(*) || ' ' || what AS text FROM (
      SELECT CASE
        WHEN m.id = ANY (j.unable) THEN 'cannot express it'
        WHEN m.admin_state <> 'enabled' THEN m.admin_state
        WHEN m.health = 'unhealthy' THEN 'unhealthy'
        WHEN p.paused_until > now() THEN 'paused until ' || date_trunc('second', p.paused_until) || ' (' || p.pause_reason || ')'
        WHEN a.jobs >= m.max_concurrency THEN 'full'
        WHEN p.failures_in_row >= 5 OR p.faults_in_row >= 3 THEN 'failing: one job at a time'
        ELSE 'about to take one' END AS what
      FROM worker m LEFT JOIN job_worker p ON p.worker_id = m.id LEFT JOIN active a ON a.worker_id = m.id
      WHERE m.model_name = j.model_name
    ) AS each GROUP BY what
  ) AS reasons
) AS wait ON j.state = 'queued' AND j.mode = 'poll';
COMMENT ON VIEW job_overview IS 'Every job: what it waits for, for how long, at which worker, and why. Holds no prompts, so that a role that only reads may see it.';
