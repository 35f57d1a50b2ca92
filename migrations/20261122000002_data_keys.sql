-- One data key per object that can be redacted on its own; deleting the row makes its ciphertext unreadable.
create table data_keys (
    shard smallint not null,
    object_id uuid not null,
    key_id uuid not null,
    master_key_id text not null,
    wrapped bytea not null,
    created_at timestamptz not null,
    constraint data_keys_pkey primary key (shard, object_id)
);

-- A constant sealed under each master key: a wrong key is found at start, not as garbage later.
create table master_key_checks (
    master_key_id text not null,
    sealed bytea not null,
    created_at timestamptz not null,
    constraint master_key_checks_pkey primary key (master_key_id)
);
