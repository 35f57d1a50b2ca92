-- Events are listed newest first, all of them or those of one name; ids begin with the time. A partitioned table has
-- no concurrent build: recording waits while the months are read.
create index events_newest_idx on events (event_id);
create index events_kind_idx on events (kind, event_id);
create index events_object_idx on events (object_id, event_id) where object_id is not null;
