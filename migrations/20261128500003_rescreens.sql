-- Why accounts are screened once more, which, and how far that is.
create table rescreens (
    rescreen_id uuid not null,
    reason text not null,
    -- The list that changed, its new number, and the versions before and after.
    list text,
    number bigint,
    version_before text,
    version text,
    added integer not null default 0,
    changed integer not null default 0,
    removed integer not null default 0,
    merged integer not null default 0,
    schedule_ids integer[] not null,
    -- Every monitor of the schedules; else those of accounts that have one of the tokens.
    is_complete boolean not null,
    tokens bigint[] not null default '{}',
    -- How many tokens were looked up.
    tokens_done integer not null default 0,
    -- The monitor that was woken last, in a complete one.
    place_schedule integer,
    place_monitor uuid,
    accounts bigint not null default 0,
    monitors bigint not null default 0,
    actor text not null,
    created_at timestamptz not null,
    finished_at timestamptz,
    constraint rescreens_pkey primary key (rescreen_id),
    constraint rescreens_reason_check check (reason in ('list-change', 'list-added', 'asked'))
);
create index rescreens_open_idx on rescreens (created_at, rescreen_id) where finished_at is null;
create index rescreens_newest_idx on rescreens (created_at desc, rescreen_id desc);
create index rescreens_list_idx on rescreens (list, number);

-- Accounts that were found and whose monitors are not woken yet.
create table rescreen_accounts (
    rescreen_id uuid not null,
    account_id uuid not null,
    constraint rescreen_accounts_pkey primary key (rescreen_id, account_id),
    constraint rescreen_accounts_rescreen_fkey foreign key (rescreen_id) references rescreens on delete cascade
);
