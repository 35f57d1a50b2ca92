-- Since when a schedule misses its objective; null while it meets it, or has none. One event tells of each change.
alter table schedules add column missed_since timestamptz;
