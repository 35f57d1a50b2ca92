-- no-transaction
-- Decisions that expire are walked by their age and id: of many that were made at once, none is read twice.
create index concurrently hits_decided_place_idx on hits (schedule_id, decided_at, hit_id)
    where state in ('dismissed', 'confirmed');
