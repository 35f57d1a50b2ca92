-- no-transaction
-- What is due of a schedule, in the order of time. The number fits into the gap before the time: the index is no larger.
create index concurrently monitor_due_schedule_idx
    on monitor_due (shard, lane, schedule_id, next_run_at, monitor_id);
