-- When each account is to be verified again: worked out when the account or its inquiries change, since the dates
-- that it follows from may be sealed, and a statement cannot look for those.
create table account_reverifications (
    shard smallint not null,
    account_id uuid not null,
    rule_id integer not null,
    due_at timestamptz not null,
    -- When the due date was told of; null while it lies ahead. A new due date is told of anew.
    told_at timestamptz,
    constraint account_reverifications_pkey primary key (shard, account_id, rule_id),
    constraint account_reverifications_rule_fkey foreign key (rule_id) references reverifications
);
-- The only rows that are looked for; those that were told of leave it.
create index account_reverifications_due_idx on account_reverifications (due_at, shard, account_id, rule_id)
    where told_at is null;
