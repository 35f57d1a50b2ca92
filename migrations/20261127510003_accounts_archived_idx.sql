-- no-transaction
-- Archived accounts are few, and searched for among all.
create index concurrently accounts_archived_idx on accounts (account_id) where archived_at is not null;
