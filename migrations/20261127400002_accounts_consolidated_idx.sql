-- no-transaction
-- What an account has is also what its sources had: they are found by what they were consolidated into, and are few.
create index concurrently accounts_consolidated_idx on accounts (consolidated_into)
where consolidated_into is not null;
