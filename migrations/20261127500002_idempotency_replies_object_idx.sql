-- no-transaction
-- The answers of an object are found when it is redacted.
create index concurrently idempotency_replies_object_idx on idempotency_replies (object_id) where object_id is not null;
