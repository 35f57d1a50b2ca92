-- no-transaction
-- Hits of a schedule, however few of all they are.
create index concurrently hits_schedule_idx on hits (schedule_id, first_seen_at desc, hit_id desc);
