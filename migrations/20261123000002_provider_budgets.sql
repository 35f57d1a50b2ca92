-- What a provider may be asked is a promise of the whole fleet, so its state is a row that every grant of
-- permits changes.
create table provider_budgets (
    provider_id smallint not null,
    -- When all that was granted is earned at the rate: the theoretical arrival time of GCRA.
    earned_at timestamptz,
    -- Permits granted on a UTC day and in a UTC month, against the quotas.
    day date not null default '1970-01-01',
    granted_on_day bigint not null default 0,
    month date not null default '1970-01-01',
    granted_in_month bigint not null default 0,
    -- Nobody asks before this time.
    not_before timestamptz,
    rest_reason text,
    -- The circuit breaker is open while these are set; at `probe_at` one process gets one permit.
    opened_at timestamptz,
    probe_at timestamptz,
    updated_at timestamptz not null,
    constraint provider_budgets_pkey primary key (provider_id),
    constraint provider_budgets_provider_fkey foreign key (provider_id) references providers,
    constraint provider_budgets_rest_reason_check check (rest_reason in ('retry-after', 'quota')),
    constraint provider_budgets_rest_check check ((not_before is null) = (rest_reason is null)),
    constraint provider_budgets_breaker_check check ((opened_at is null) = (probe_at is null))
) with (
    -- A few rows, each written several times a second: room for versions on the same page, and vacuum often.
    fillfactor = 10,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 200,
    autovacuum_vacuum_cost_delay = 0
);
