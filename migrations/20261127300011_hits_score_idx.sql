-- no-transaction
-- All hits, the likeliest first.
create index concurrently hits_score_idx on hits (score desc, hit_id desc);
