-- no-transaction
-- Lanes read by schedule now: see monitor_due_schedule_idx.
drop index concurrently monitor_due_next_idx;
