-- What a person stopped until further notice: kept here, so that no restart and no other process forgets it.
create table pauses (
    scope text not null,
    -- The provider's or schedule's name; empty when everything is paused.
    object text not null,
    actor text not null,
    -- Shown without a login: a word on the operation, nothing about a person.
    reason text,
    paused_at timestamptz not null,
    constraint pauses_pkey primary key (scope, object),
    constraint pauses_scope_check check (scope in ('everything', 'provider', 'schedule'))
);

create table account_pauses (
    shard smallint not null,
    account_id uuid not null,
    actor text not null,
    -- May name the person, so it is sealed under the account's data key.
    sealed_reason bytea,
    paused_at timestamptz not null,
    constraint account_pauses_pkey primary key (shard, account_id),
    constraint account_pauses_account_fkey foreign key (shard, account_id) references accounts
);
