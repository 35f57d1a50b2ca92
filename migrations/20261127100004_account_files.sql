-- Files that accounts hold as values of fields, sealed under the account's data key, apart from the rows that lists read.
create table account_files (
    shard smallint not null,
    file_id uuid not null,
    account_id uuid not null,
    byte_size integer not null,
    sealed_content bytea not null,
    created_at timestamptz not null,
    constraint account_files_pkey primary key (shard, file_id),
    constraint account_files_account_fkey foreign key (shard, account_id) references accounts on delete cascade
);
create index account_files_account_idx on account_files (shard, account_id);
-- Sealed bytes do not compress: trying costs time and gains nothing.
alter table account_files alter column sealed_content set storage external;
