-- no-transaction
-- Hits that wait for a decision, the likeliest first.
create index concurrently hits_open_score_idx on hits (score desc, hit_id desc) where state = 'open';
