-- no-transaction
-- What could not be redacted is rare, and looked for among all.
create index concurrently retention_due_failing_idx on retention_due (object_id) where failures > 0;
