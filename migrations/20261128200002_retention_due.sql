-- When each object, or field of one, falls due to be redacted. The sweep reads what is due and looks at the facts again
-- before it redacts, so a row may be early, and never decides anything.
create table retention_due (
    shard smallint not null,
    object_id uuid not null,
    -- The field of an account; empty for the object as a whole.
    field text not null default '',
    object_kind text not null,
    policy_id integer not null,
    due_at timestamptz not null,
    -- How often redacting it has failed; it is then put off.
    failures smallint not null default 0,
    constraint retention_due_pkey primary key (shard, object_id, field),
    constraint retention_due_policy_fkey foreign key (policy_id) references retention_policies,
    constraint retention_due_object_kind_check check (
        object_kind in ('account', 'inquiry', 'report', 'transaction', 'list-item')
    )
);
-- What is due of a shard, and how much falls due by which policy on which day, is read from here alone.
create index retention_due_idx on retention_due (shard, due_at) include (policy_id);
