-- no-transaction
-- Accounts that are who a list names are few, and searched for among all.
create index concurrently hits_confirmed_idx on hits (account_id) where state = 'confirmed';
