-- What a run rested on, said once for the many runs that share it: evidence at four bytes a run.
create table run_bases (
    basis_id integer generated always as identity,
    digest bytea not null,
    detail jsonb not null,
    created_at timestamptz not null,
    constraint run_bases_pkey primary key (basis_id),
    constraint run_bases_digest_key unique (digest)
);

-- Append-only evidence, by month of recording. The due row's compare-and-set makes slots unique, not an index here.
create table runs (
    recorded_at timestamptz not null,
    due_at timestamptz not null,
    started_at timestamptz not null,
    run_id uuid not null,
    monitor_id uuid not null,
    slot bigint not null,
    account_version bigint not null,
    basis_id integer not null,
    duration_ms integer not null,
    findings integer not null,
    shard smallint not null,
    changed boolean not null,
    trigger text not null,
    outcome text not null,
    failure text,
    -- Input and full answer, sealed under the report's data key; only when the answer changed.
    sealed_content bytea,
    constraint runs_outcome_check check (outcome in ('clear', 'match', 'error', 'superseded')),
    constraint runs_trigger_check check (
        trigger in ('first', 'interval', 'new-account', 'account-change', 'list-change', 'run-now', 'resumed')
    )
) partition by range (recorded_at);
create index runs_monitor_idx on runs (monitor_id, slot);

-- Catches what no month's partition was made for in time; the upkeep of partitions says so when it is not empty.
create table runs_default partition of runs default;
