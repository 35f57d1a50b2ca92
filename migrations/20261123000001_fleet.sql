-- A fleet divides the dispatch by leasing shards. Leases are not what makes a run count once: the due row is.
alter table processes
    -- Counts up while the process lives: others see it move, whatever anybody's clock says.
    add column beat bigint not null default 0,
    -- The configuration that it holds.
    add column revision integer,
    -- The machine, and the process on it: who starts there sees at once that a predecessor is dead.
    add column machine text,
    add column machine_process text,
    -- It takes on nothing more: its shards are for others.
    add column leaving boolean not null default false;
create index processes_running_idx on processes (process_id) where stopped_at is null;

create table shard_leases (
    shard smallint not null,
    process_id uuid,
    -- Its last holder died without a word: what killed it may lie at the front of this shard.
    suspect boolean not null default false,
    taken_at timestamptz,
    constraint shard_leases_pkey primary key (shard),
    constraint shard_leases_shard_check check (shard between 0 and 255)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
insert into shard_leases (shard) select generate_series(0, 255);

-- The configuration as the fleet goes by it, each change numbered, without secrets.
create table config_revisions (
    revision integer not null,
    digest text not null,
    settings jsonb not null,
    -- What changed against the revision before: keys, not values of secrets.
    difference jsonb not null,
    process_id uuid not null,
    published_at timestamptz not null,
    constraint config_revisions_pkey primary key (revision)
);

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

-- A monitor that killed its process again and again is set aside, alone, until a person lets it go.
alter table monitors drop constraint monitors_state_check;
alter table monitors add constraint monitors_state_check
    check (state in ('active', 'held', 'paused', 'ended', 'quarantined')) not valid;
alter table monitors validate constraint monitors_state_check;
