-- Runs are kept for years: of old months a line per monitor stands for the plain clear ones, and the others move
-- out of the month before it is dropped.

-- Clear, unchanged runs of one monitor in one month.
create table run_months (
    month date not null,
    runs integer not null,
    monitor_id uuid not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    first_slot bigint not null,
    last_slot bigint not null,
    -- What they rested on, and on which days on each: bit 0 is the first of the month, in UTC.
    basis_ids integer[] not null,
    basis_days integer[] not null,
    constraint run_months_pkey primary key (monitor_id, month),
    constraint run_months_bases_check check (cardinality(basis_ids) = cardinality(basis_days))
);

-- Runs of months that are gone which are more than clear and unchanged, whole: what runs checked.
create table kept_runs (like runs);
create index kept_runs_monitor_idx on kept_runs (monitor_id, slot);

-- How far each old month has come on its way. A month that is being read is still whole in runs, but for
-- what was kept of it.
create table run_compactions (
    month date not null,
    -- Monitors up to this one are done.
    after_monitor uuid not null,
    compacted_runs bigint not null default 0,
    kept_runs bigint not null default 0,
    started_at timestamptz not null,
    -- When the last monitor was done: the month may go.
    read_at timestamptz,
    dropped_at timestamptz,
    constraint run_compactions_pkey primary key (month)
);

-- Every run that is there whole.
create view whole_runs as
select recorded_at, due_at, started_at, run_id, monitor_id, slot, account_version, basis_id, duration_ms, findings,
       shard, changed, trigger, outcome, failure, sealed_content
from runs
union all
select recorded_at, due_at, started_at, run_id, monitor_id, slot, account_version, basis_id, duration_ms, findings,
       shard, changed, trigger, outcome, failure, sealed_content
from kept_runs;
