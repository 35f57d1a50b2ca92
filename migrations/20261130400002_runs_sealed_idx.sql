-- Redaction finds the few runs with content among the many without, in every month. Recording waits while it is built: a
-- scan of all runs, since what is parted by month cannot be indexed beside others.
create index runs_sealed_idx on runs (monitor_id) where sealed_content is not null;
