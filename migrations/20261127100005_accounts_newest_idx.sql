-- no-transaction
-- Lists of accounts go from the newest to the oldest; an id begins with its time.
create index concurrently accounts_newest_idx on accounts (account_id);
