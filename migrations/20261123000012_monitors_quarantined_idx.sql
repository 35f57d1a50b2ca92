-- no-transaction
-- Quarantined monitors are few, and counted often: they are found without a look at the others.
create index concurrently monitors_quarantined_idx on monitors (shard, monitor_id) where state = 'quarantined';
