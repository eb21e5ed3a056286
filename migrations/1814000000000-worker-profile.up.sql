-- What a worker's server takes: the vendor whose rules apply, and single entries that override them. Adds a column. A release
-- that does not know it may run beside this one: it translates as before.

ALTER TABLE worker
  ADD COLUMN profile jsonb,
  ADD CONSTRAINT worker_profile_object CHECK (jsonb_typeof(profile) = 'object');
COMMENT ON COLUMN worker.profile IS 'What the server takes beyond its API, or does not take: {"vendor": name of a preset, entry: value} (docs/profiles.md); NULL: as its API says.';
SELECT write_worker_changes();
