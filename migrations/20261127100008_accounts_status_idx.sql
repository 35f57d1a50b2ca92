-- no-transaction
-- Accounts of a type and a status, from the newest to the oldest.
create index concurrently accounts_status_idx on accounts (account_type_id, status, account_id);
