-- Account actions are steps that one call does to an account, all of them or none; each run is kept with its outcome.
create table account_actions (
    account_action_id uuid not null,
    account_type_id uuid not null,
    name text not null,
    definition jsonb not null,
    -- Whether the configuration says it: then only the configuration changes it.
    is_configured boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    archived_at timestamptz,
    constraint account_actions_pkey primary key (account_action_id),
    constraint account_actions_account_type_fkey foreign key (account_type_id) references account_types
);
create unique index account_actions_name_key on account_actions (account_type_id, name) where archived_at is null;

create table action_runs (
    shard smallint not null,
    action_run_id uuid not null,
    account_id uuid not null,
    account_action_id uuid not null,
    actor text not null,
    -- What each step did: ids and plain words.
    outcome jsonb not null,
    -- What the caller handed in, sealed under the account's data key.
    sealed_parameters bytea,
    created_at timestamptz not null,
    constraint action_runs_pkey primary key (shard, action_run_id),
    constraint action_runs_account_fkey foreign key (shard, account_id) references accounts,
    constraint action_runs_account_action_fkey foreign key (account_action_id) references account_actions
);
create index action_runs_account_idx on action_runs (shard, account_id, action_run_id);
