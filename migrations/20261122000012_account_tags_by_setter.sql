-- Several schedules may want the same tag: each has its own row, so that one that clears takes back its own only.
update account_tags set schedule_id = 0 where schedule_id is null;
alter table account_tags
    drop constraint account_tags_pkey,
    alter column schedule_id set default 0,
    add constraint account_tags_pkey primary key (shard, account_id, tag_id, schedule_id);
comment on column account_tags.schedule_id is 'the schedule that set it; 0 when a person or an import did';
