-- Reports of the end of jobs to callers (`job_webhook`), and keys that all replicas share (`signing_key`): links to files
-- are signed with one. Adds only: the release before may run beside it.

CREATE TABLE job_webhook (
  job_id       uuid        NOT NULL,
  url          text        NOT NULL,
  state        text        NOT NULL,
  body         text,
  tries        integer     NOT NULL DEFAULT 0,
  created_at   timestamptz NOT NULL DEFAULT now(),
  due_at       timestamptz DEFAULT now(),
  lease_until  timestamptz,
  last_status  integer,
  last_error   text        NOT NULL DEFAULT '',
  ended_at     timestamptz,
  delivered    boolean     NOT NULL DEFAULT false,
  CONSTRAINT job_webhook_pkey PRIMARY KEY (job_id),
  CONSTRAINT job_webhook_state_known CHECK (state IN ('succeeded', 'failed', 'cancelled')),
  CONSTRAINT job_webhook_tries CHECK (tries >= 0),
  CONSTRAINT job_webhook_ended CHECK ((due_at IS NULL) = (ended_at IS NOT NULL))
);
CREATE INDEX job_webhook_due ON job_webhook (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX job_webhook_done ON job_webhook (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE signing_key (
  name       text        NOT NULL,
  secret     bytea       NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT signing_key_pkey PRIMARY KEY (name),
  CONSTRAINT signing_key_length CHECK (octet_length(secret) = 32)
);

COMMENT ON TABLE  job_webhook IS 'Reports of ended jobs to the webhook_url of their callers: one a job, tried up to six times.';
COMMENT ON COLUMN job_webhook.job_id IS 'The job; it may be deleted before its report is delivered.';
COMMENT ON COLUMN job_webhook.url IS 'Where it is sent.';
COMMENT ON COLUMN job_webhook.state IS 'How the job ended: succeeded, failed or cancelled.';
COMMENT ON COLUMN job_webhook.body IS 'What is sent, the same at each try; null before the first.';
COMMENT ON COLUMN job_webhook.tries IS 'How often it was sent.';
COMMENT ON COLUMN job_webhook.created_at IS 'When the job ended.';
COMMENT ON COLUMN job_webhook.due_at IS 'When it is sent next; null: no more. With ended_at null, setting it sends it again.';
COMMENT ON COLUMN job_webhook.lease_until IS 'A replica is sending it; another one may after this time.';
COMMENT ON COLUMN job_webhook.last_status IS 'The HTTP status of the last answer; null: none came.';
COMMENT ON COLUMN job_webhook.last_error IS 'Why the last try failed; empty: it did not.';
COMMENT ON COLUMN job_webhook.ended_at IS 'When it was delivered or given up.';
COMMENT ON COLUMN job_webhook.delivered IS 'The receiver answered with a status of 2xx.';

COMMENT ON TABLE  signing_key IS 'Keys that all replicas share. Deleting one makes a new one within a minute, and ends what the old one signed. No role that only reads should see this table.';
COMMENT ON COLUMN signing_key.name IS 'What it signs: file_links.';
COMMENT ON COLUMN signing_key.secret IS '32 random bytes.';
COMMENT ON COLUMN signing_key.created_at IS 'When it was made.';

-- In the transaction that ends the job: no report is lost, whichever replica or hand ends it.
CREATE FUNCTION job_report_end() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO job_webhook (job_id, url, state) VALUES (NEW.id, NEW.webhook_url, NEW.state) ON CONFLICT (job_id) DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER job_report_end AFTER UPDATE ON job FOR EACH ROW
  WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL AND NEW.webhook_url IS NOT NULL)
  EXECUTE FUNCTION job_report_end();
