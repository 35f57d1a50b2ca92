-- When an account came onto the queue, by the database's clock: what its keys missed since is made good.
alter table enrol_queue add column queued_at timestamptz not null default clock_timestamp();
