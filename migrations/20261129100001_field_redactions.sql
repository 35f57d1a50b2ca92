-- Fields of accounts that a policy redacted alone: what is filled again is kept for a whole period again.
create table field_redactions (
    shard smallint not null,
    account_id uuid not null,
    field text not null,
    redacted_at timestamptz not null,
    -- When it was filled again; null until that is noticed.
    filled_at timestamptz,
    constraint field_redactions_pkey primary key (shard, account_id, field),
    constraint field_redactions_account_fkey foreign key (shard, account_id) references accounts
);
