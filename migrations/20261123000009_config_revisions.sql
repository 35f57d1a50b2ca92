-- The configuration as the fleet goes by it, each change numbered, without secrets.
create table config_revisions (
    revision integer not null,
    digest text not null,
    settings jsonb not null,
    -- What changed against the revision before: keys, not values of secrets.
    difference jsonb not null,
    process_id uuid not null,
    published_at timestamptz not null,
    constraint config_revisions_pkey primary key (revision)
);
