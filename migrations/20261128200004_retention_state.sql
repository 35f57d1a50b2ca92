-- How far retention has come: the walk over everything that follows a change of a policy, and the sweep.
create table retention_state (
    -- There is one row.
    is_only boolean not null default true,
    -- What the walk is at; null when none is under way.
    walk_kind text,
    walk_shard smallint,
    walk_after uuid,
    -- Since when a sweep is asked for; null when none is.
    asked_at timestamptz,
    -- When the last sweep had redacted all that was due.
    swept_at timestamptz,
    constraint retention_state_pkey primary key (is_only),
    constraint retention_state_only_check check (is_only)
);
insert into retention_state default values;
