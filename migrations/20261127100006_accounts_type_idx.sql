-- no-transaction
-- Accounts of a type, from the newest to the oldest, and in an order that no change of theirs moves.
create index concurrently accounts_type_idx on accounts (account_type_id, account_id);
