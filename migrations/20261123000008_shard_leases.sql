-- A fleet divides the dispatch by leasing shards. Leases are not what makes a run count once: the due row is.
create table shard_leases (
    shard smallint not null,
    process_id uuid,
    -- Its last holder died without a word: what killed it may lie at the front of this shard.
    suspect boolean not null default false,
    taken_at timestamptz,
    -- When it was last taken from a process that died.
    lost_at timestamptz,
    constraint shard_leases_pkey primary key (shard),
    constraint shard_leases_shard_check check (shard between 0 and 255)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
insert into shard_leases (shard) select generate_series(0, 255);
