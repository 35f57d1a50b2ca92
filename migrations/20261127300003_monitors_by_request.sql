-- A report that the API makes is a monitor beside those that schedules keep, and may have a question of its own.
alter table monitors
    -- True for the one monitor that its schedule keeps for the account; null for a report made through the API, and
    -- for one that its schedule no longer keeps: of these an account has as many as it likes.
    add column by_schedule boolean default true,
    -- Whom to ask about instead of the account, sealed under the report's data key.
    add column sealed_query bytea,
    -- Who asked for it; null when a schedule did.
    add column requested_by text,
    -- The report's own tags, by name; none is null, for nearly all have none.
    add column tags text[],
    add column redacted_at timestamptz;
