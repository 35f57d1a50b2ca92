-- The versions of published lists, numbered as they came into force; the newest is what runs must rest on.
create table list_versions (
    list text not null,
    number bigint not null,
    version text not null,
    entities integer not null,
    names integer not null,
    taken_at timestamptz not null,
    process_id uuid not null,
    constraint list_versions_pkey primary key (list, number)
);
