-- Providers get a small number, the lane of their due rows: a provider that is down holds up its own lane only.
create table providers (
    provider_id smallint generated always as identity,
    name text not null,
    created_at timestamptz not null,
    constraint providers_pkey primary key (provider_id),
    constraint providers_name_key unique (name)
);

-- Schedules as the configuration last said them, and how far enrolment has walked for each.
create table schedules (
    schedule_id integer generated always as identity,
    name text not null,
    definition jsonb not null,
    created_at timestamptz not null,
    changed_at timestamptz not null,
    -- Set when the configuration no longer has it: its monitors are paused, and go after a grace period.
    removed_at timestamptz,
    -- The place of a walk over all accounts under way; null when none is.
    enrol_shard smallint,
    enrol_after uuid,
    enrolled_at timestamptz,
    -- Up to when first runs of accounts that were there before the schedule are handed out.
    backfill_until timestamptz,
    constraint schedules_pkey primary key (schedule_id),
    constraint schedules_name_key unique (name)
);
