-- no-transaction
-- Searches sort by the time of the last change.
create index concurrently accounts_updated_idx on accounts (updated_at, account_id);
