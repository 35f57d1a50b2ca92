-- no-transaction
-- The index by shard and account has its successor.
drop index concurrently if exists hits_account_idx;
