-- Which accounts are to be verified again, as the configuration last said it, and how far the walk over all accounts
-- has come that follows a change of it.
create table reverifications (
    rule_id integer generated always as identity,
    name text not null,
    definition jsonb not null,
    created_at timestamptz not null,
    changed_at timestamptz not null,
    removed_at timestamptz,
    -- The place of the walk; null when none is under way.
    walk_shard smallint,
    walk_after uuid,
    constraint reverifications_pkey primary key (rule_id),
    constraint reverifications_name_key unique (name)
);
