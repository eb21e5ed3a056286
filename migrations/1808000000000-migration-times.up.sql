-- When each migration ran. Adds a column with a default to the table of migrations: any release may run beside it, and migrate.

-- A database made by this release or a later one has the column from the start.
ALTER TABLE migration ADD COLUMN IF NOT EXISTS ran_at timestamptz;
ALTER TABLE migration ALTER COLUMN ran_at SET DEFAULT clock_timestamp();

COMMENT ON TABLE migration IS 'The migrations that ran, files of migrations/. A row says that it ran: inserting one by hand keeps it from running.';
COMMENT ON COLUMN migration.id IS 'Rises in the order in which they ran.';
COMMENT ON COLUMN migration."timestamp" IS 'The stamp at the start of the file''s name.';
COMMENT ON COLUMN migration.name IS 'The rest of the file''s name, in one word, and the stamp.';
COMMENT ON COLUMN migration.ran_at IS 'When it ran; null: before this column was there.';
