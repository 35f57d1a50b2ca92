-- no-transaction
-- Hits of a list, however few of all they are.
create index concurrently hits_list_idx on hits (list, first_seen_at desc, hit_id desc);
