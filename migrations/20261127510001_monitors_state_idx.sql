-- no-transaction
-- Accounts are searched by the states of their monitors, and by states that they have not.
create index concurrently monitors_state_idx on monitors (state, account_id);
