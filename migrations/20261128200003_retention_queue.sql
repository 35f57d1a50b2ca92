-- Objects that changed: when they fall due is worked out anew within seconds.
create table retention_queue (
    queue_id bigint generated always as identity,
    object_kind text not null,
    shard smallint not null,
    object_id uuid not null,
    constraint retention_queue_pkey primary key (queue_id)
);
