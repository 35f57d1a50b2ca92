-- How many lines of each file of the erasure ledger, which lies outside, the database has seen: after a restore it has
-- seen fewer, and what lies between is redacted again.
create table erasure_ledgers (
    file text not null,
    lines bigint not null,
    seen_at timestamptz not null,
    constraint erasure_ledgers_pkey primary key (file)
);
