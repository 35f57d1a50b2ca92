-- no-transaction
-- Hits of an account are found by it alone, for its shard may be another than theirs.
create index concurrently hits_of_account_idx on hits (account_id, first_seen_at desc, hit_id desc);
