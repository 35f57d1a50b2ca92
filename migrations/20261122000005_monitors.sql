-- Identity of what recurs: one monitor per account and schedule. Changes rarely.
create table monitors (
    shard smallint not null,
    monitor_id uuid not null,
    account_id uuid not null,
    schedule_id integer not null,
    state text not null,
    state_reason text,
    -- The slot that the next due row starts at: a slot number never comes back.
    slot_floor bigint not null default 0,
    created_at timestamptz not null,
    state_changed_at timestamptz not null,
    constraint monitors_pkey primary key (shard, monitor_id),
    constraint monitors_account_schedule_key unique (shard, account_id, schedule_id),
    constraint monitors_account_fkey foreign key (shard, account_id) references accounts,
    constraint monitors_schedule_fkey foreign key (schedule_id) references schedules,
    constraint monitors_state_check check (state in ('active', 'held', 'paused', 'ended'))
);
create index monitors_schedule_idx on monitors (schedule_id, shard, monitor_id);

-- What changes at every run, and nothing else. Exists only for active monitors; the fence of recording.
create table monitor_due (
    shard smallint not null,
    lane smallint not null,
    attempts smallint not null default 0,
    monitor_id uuid not null,
    next_run_at timestamptz not null,
    slot bigint not null,
    wanted bigint not null default 0,
    last_digest bytea,
    constraint monitor_due_pkey primary key (shard, monitor_id)
) with (
    fillfactor = 80,
    autovacuum_vacuum_scale_factor = 0.01,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0
);
create index monitor_due_next_idx on monitor_due (shard, lane, next_run_at, monitor_id);

-- Urgent work, ahead of routine work: small, read whole, emptied by the recorder.
create table wakeups (
    shard smallint not null,
    lane smallint not null,
    monitor_id uuid not null,
    reason text not null,
    created_at timestamptz not null,
    constraint wakeups_pkey primary key (shard, monitor_id),
    constraint wakeups_reason_check check (reason in ('new-account', 'account-change', 'list-change', 'run-now', 'resumed'))
) with (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 500
);
-- A lane reads its oldest, however many there are.
create index wakeups_oldest_idx on wakeups (lane, created_at, monitor_id);
