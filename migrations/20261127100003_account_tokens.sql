-- The blind index: keyed hashes of the values by which accounts are found, so that sealed fields can be searched.
-- A token is made of type, field and value, so it alone is the key; no foreign key, for imports write by the thousand,
-- and every write of an account sees to its tokens.
create table account_tokens (
    token bytea not null,
    account_id uuid not null,
    shard smallint not null,
    is_unique boolean not null,
    field text not null,
    constraint account_tokens_pkey primary key (token, account_id)
);
create unique index account_tokens_unique_key on account_tokens (token) where is_unique;
create index account_tokens_account_idx on account_tokens (account_id);
