-- A due row names its schedule, so that a lane reads each schedule by itself and begins with the earliest deadline.
-- Rows from before have 0 until enrolment's next walk; lanes read those too.
alter table monitor_due add column schedule_id integer not null default 0;
