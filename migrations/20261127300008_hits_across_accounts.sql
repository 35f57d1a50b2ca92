-- Hits are worked off across accounts: by schedule, by who is to look at them. What a redacted report found is gone.
alter table hits
    add column schedule_id integer,
    add column assignee text,
    add column assigned_at timestamptz,
    alter column sealed_content drop not null;
update hits set schedule_id = monitors.schedule_id
from monitors
where monitors.shard = hits.shard and monitors.monitor_id = hits.monitor_id;
