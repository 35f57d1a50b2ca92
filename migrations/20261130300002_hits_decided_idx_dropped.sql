-- no-transaction
-- The index by age and id serves whoever looked by age alone.
drop index concurrently if exists hits_decided_idx;
