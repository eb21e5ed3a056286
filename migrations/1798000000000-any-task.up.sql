-- Workers that take whatever their API offers. Adds a column only, and keeps `task` filled: the release before reads it,
-- and goes on treating such a worker as one that chats.

ALTER TABLE worker ADD COLUMN any_task boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN worker.any_task IS 'Takes whatever its API offers, such as chat and embeddings: registered without a task, protocol openai or anthropic. task has no meaning then.';
