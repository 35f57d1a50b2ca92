-- Legal holds: nothing of the account is redacted while one stands.
create table legal_holds (
    hold_id uuid not null,
    shard smallint not null,
    account_id uuid not null,
    -- A code, such as the number of a case: nothing about a person.
    reason text not null,
    actor text not null,
    placed_at timestamptz not null,
    -- When it ends by itself.
    until_at timestamptz,
    lifted_at timestamptz,
    lifted_by text,
    constraint legal_holds_pkey primary key (hold_id),
    constraint legal_holds_account_fkey foreign key (shard, account_id) references accounts
);
create index legal_holds_account_idx on legal_holds (shard, account_id) where lifted_at is null;
create index legal_holds_standing_idx on legal_holds (hold_id) where lifted_at is null;
