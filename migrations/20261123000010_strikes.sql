-- Monitors whose run may have killed a process: counted before the run, forgotten when it ends well.
create table strikes (
    shard smallint not null,
    monitor_id uuid not null,
    lane smallint not null,
    strikes smallint not null,
    process_id uuid not null,
    struck_at timestamptz not null,
    constraint strikes_pkey primary key (shard, monitor_id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
