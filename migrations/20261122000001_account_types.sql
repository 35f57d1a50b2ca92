-- Account types are schemas; the configuration writes them here so that accounts can refer to one by id.
create table account_types (
    account_type_id uuid not null,
    name text not null,
    definition jsonb not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint account_types_pkey primary key (account_type_id),
    constraint account_types_name_key unique (name)
);
