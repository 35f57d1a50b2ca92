-- Processes that work on with an older version of a list because the newest is not to be had: what they ran is run
-- again once they have it, or are gone.
create table list_debts (
    list text not null,
    process_id uuid not null,
    -- The version that it has.
    number bigint not null,
    since timestamptz not null,
    constraint list_debts_pkey primary key (list, process_id)
);
