-- Why a monitor is due that nobody waits for and whose time has not come: null for its interval. And since when it is due,
-- where an attempt was put off.
alter table monitor_due
    add column reason text,
    add column due_at timestamptz;
