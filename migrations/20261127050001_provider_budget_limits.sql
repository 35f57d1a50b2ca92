-- Which limits the fleet keeps is said by its newest configuration, whoever asks: while a change goes round, a
-- process with other limits would read the debt otherwise, and forget a part of it.
alter table provider_budgets
    -- The revision of the configuration that the limits are of.
    add column limits_revision integer not null default 0,
    add column rate_per_second float8,
    add column burst bigint,
    add column calls_per_day bigint,
    add column calls_per_month bigint,
    -- The time in which a permit is earned: what is owed at `earned_at` is so many of these.
    add column permit_seconds float8;
