-- Relations lead from an account or a transaction to another, by a key that its type knows; each is found from
-- both of its ends.
create table relations (
    shard smallint not null,
    object_id uuid not null,
    object_kind text not null,
    relation_key text not null,
    target_id uuid not null,
    target_kind text not null,
    created_at timestamptz not null,
    constraint relations_pkey primary key (shard, object_id, relation_key, target_id),
    constraint relations_object_kind_check check (object_kind in ('account', 'transaction')),
    constraint relations_target_kind_check check (target_kind in ('account', 'transaction'))
);
create index relations_target_idx on relations (target_id, relation_key, object_id);
