-- Transactions are kept beside accounts, by the same rules: typed fields, plain or sealed, a status, tags, relations.
create table transaction_types (
    transaction_type_id uuid not null,
    name text not null,
    definition jsonb not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint transaction_types_pkey primary key (transaction_type_id),
    constraint transaction_types_name_key unique (name)
);

create table transactions (
    shard smallint not null,
    transaction_id uuid not null,
    transaction_type_id uuid not null,
    reference_id text,
    status text not null,
    fields jsonb not null default '{}',
    -- Fields marked pii, sealed under the transaction's data key.
    sealed_fields bytea,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    redacted_at timestamptz,
    constraint transactions_pkey primary key (shard, transaction_id),
    constraint transactions_transaction_type_fkey foreign key (transaction_type_id) references transaction_types
);
create unique index transactions_reference_key on transactions (transaction_type_id, lower(reference_id));
create index transactions_reference_idx on transactions (lower(reference_id));
-- Lists are read newest first, over all shards.
create index transactions_newest_idx on transactions (transaction_id);
create index transactions_type_idx on transactions (transaction_type_id, transaction_id);

create table transaction_tags (
    shard smallint not null,
    transaction_id uuid not null,
    tag_id integer not null,
    set_at timestamptz not null,
    constraint transaction_tags_pkey primary key (shard, transaction_id, tag_id),
    constraint transaction_tags_transaction_fkey foreign key (shard, transaction_id) references transactions
        on delete cascade,
    constraint transaction_tags_tag_fkey foreign key (tag_id) references tags
);
create index transaction_tags_tag_idx on transaction_tags (tag_id, shard, transaction_id);
