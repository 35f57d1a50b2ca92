-- What people did to a report, for its history: events may be kept for a shorter time.
create table report_actions (
    shard smallint not null,
    action_id uuid not null,
    monitor_id uuid not null,
    kind text not null,
    actor text not null,
    -- What was dismissed or confirmed.
    entities text[] not null default '{}',
    created_at timestamptz not null,
    constraint report_actions_pkey primary key (shard, action_id),
    constraint report_actions_monitor_fkey foreign key (shard, monitor_id) references monitors,
    constraint report_actions_kind_check check (kind in ('dismiss', 'pause', 'resume', 'review'))
);
create index report_actions_monitor_idx on report_actions (monitor_id, created_at desc, action_id desc);
