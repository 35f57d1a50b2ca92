-- no-transaction
-- Decisions that expire are looked for by their age.
create index concurrently hits_decided_idx on hits (schedule_id, decided_at) where state in ('dismissed', 'confirmed');
