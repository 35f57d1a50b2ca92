-- Accounts: the key leads with the shard, so that the hot tables can be spread by it one day.
create table accounts (
    shard smallint not null,
    account_id uuid not null,
    account_type_id uuid not null,
    reference_id text,
    status text not null,
    -- The schedule that set the status; null when a person, an import or the default did.
    status_schedule_id integer,
    -- Fields that are not marked pii; schedules filter on them.
    fields jsonb not null default '{}',
    -- Fields marked pii, sealed under the account's data key.
    sealed_fields bytea,
    version bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint accounts_pkey primary key (shard, account_id),
    constraint accounts_account_type_fkey foreign key (account_type_id) references account_types,
    constraint accounts_shard_check check (shard between 0 and 255)
);

-- Reference ids are unique per type whatever their case, as integrators expect.
create unique index accounts_reference_key on accounts (account_type_id, lower(reference_id));
-- `watchkeeper account REF` asks without a type.
create index accounts_reference_idx on accounts (lower(reference_id));

create table tags (
    tag_id integer generated always as identity,
    name text not null,
    created_at timestamptz not null,
    constraint tags_pkey primary key (tag_id),
    constraint tags_name_key unique (name)
);

create table account_tags (
    shard smallint not null,
    account_id uuid not null,
    tag_id integer not null,
    -- The schedule that set the tag; null when a person or an import did.
    schedule_id integer,
    set_at timestamptz not null,
    constraint account_tags_pkey primary key (shard, account_id, tag_id),
    constraint account_tags_account_fkey foreign key (shard, account_id) references accounts on delete cascade,
    constraint account_tags_tag_fkey foreign key (tag_id) references tags
);
create index account_tags_tag_idx on account_tags (tag_id, shard, account_id);
