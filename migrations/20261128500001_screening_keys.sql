-- What an account could match, as keyed hashes of the keys that its names share with those of list entities they match:
-- a list that changed finds the accounts that it concerns. Made by enrolment, a moment after the account changed.
create table screening_keys (
    shard smallint not null,
    keys_version smallint not null,
    account_id uuid not null,
    account_version bigint not null,
    tokens bigint[] not null,
    constraint screening_keys_pkey primary key (shard, account_id)
);
-- A token of a few bytes an account and a key: a table of pairs would be four times as large.
create index screening_keys_tokens_idx on screening_keys using gin (tokens);

-- Keys of this version are being made for all accounts, or have been.
create table key_builds (
    keys_version smallint not null,
    -- The next account to see to comes after this one; nothing before the first and after the last.
    shard smallint not null default 0,
    account_id uuid,
    started_at timestamptz not null,
    finished_at timestamptz,
    constraint key_builds_pkey primary key (keys_version)
);
