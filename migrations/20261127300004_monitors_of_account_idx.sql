-- no-transaction
-- One monitor for an account and schedule, and any number of those that no schedule keeps; found by the account
-- alone, whose shard may be another than the monitor's.
create unique index concurrently monitors_of_account_idx on monitors (account_id, schedule_id, by_schedule);
