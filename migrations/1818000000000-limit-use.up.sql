-- What all replicas have used of the limits of keys and teams. The release before may run beside it: it holds no limits.

CREATE TABLE limit_use (
  subject text NOT NULL,
  requests_left double precision,
  tokens_left double precision,
  replicas jsonb NOT NULL DEFAULT '{}',
  month date NOT NULL,
  month_tokens double precision NOT NULL DEFAULT 0,
  month_cost double precision NOT NULL DEFAULT 0,
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT limit_use_pkey PRIMARY KEY (subject),
  CONSTRAINT limit_use_subject CHECK (subject ~ '^(key|team) .')
) WITH (fillfactor = 50);
COMMENT ON TABLE limit_use IS 'What all replicas together have used of the limits of keys and teams; one row for each that was used this month. Replicas exchange through it up to four times a second while requests come. Deleted in the month after the last use. A row that is deleted is made again, with full buckets and the sums of usage_hourly.';
COMMENT ON COLUMN limit_use.subject IS 'key and api_key.id, or team and team.name.';
COMMENT ON COLUMN limit_use.requests_left IS 'What was left of requests_per_minute at updated_at; it refills evenly within a minute. Null: no such limit.';
COMMENT ON COLUMN limit_use.tokens_left IS 'The same of tokens_per_minute. Below 0: requests used more than was estimated.';
COMMENT ON COLUMN limit_use.replicas IS 'By replica.id: its slots of max_concurrent, how many requests it wanted to run at once (wanted), its demand of requests and tokens, and when (atMs, milliseconds since 1970).';
COMMENT ON COLUMN limit_use.month IS 'The first day of the month (UTC) of the sums.';
COMMENT ON COLUMN limit_use.month_tokens IS 'Tokens in and out that were used in the month.';
COMMENT ON COLUMN limit_use.month_cost IS 'What the requests cost, in the currency of the prices.';
COMMENT ON COLUMN limit_use.updated_at IS 'The last exchange.';
