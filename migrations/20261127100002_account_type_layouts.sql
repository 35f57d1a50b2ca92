-- How the fields of a type are laid out on screens; a change is a new version, and the old ones stay readable.
create table account_type_layouts (
    account_type_id uuid not null,
    version integer not null,
    layout jsonb not null,
    actor text not null,
    created_at timestamptz not null,
    constraint account_type_layouts_pkey primary key (account_type_id, version),
    constraint account_type_layouts_type_fkey foreign key (account_type_id) references account_types
);
