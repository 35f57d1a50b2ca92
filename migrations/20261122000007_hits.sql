-- Entities that a monitor's runs matched. The content is sealed; the entity's public name on its list is not.
create table hits (
    shard smallint not null,
    hit_id uuid not null,
    account_id uuid not null,
    monitor_id uuid not null,
    entity text not null,
    list text not null,
    state text not null,
    score real not null,
    facts_digest bytea not null,
    -- Name, facts and reasons, sealed under the report's data key.
    sealed_content bytea not null,
    first_seen_at timestamptz not null,
    changed_at timestamptz not null,
    gone_at timestamptz,
    constraint hits_pkey primary key (shard, hit_id),
    constraint hits_entity_key unique (shard, monitor_id, entity),
    constraint hits_monitor_fkey foreign key (shard, monitor_id) references monitors,
    constraint hits_state_check check (state in ('open', 'dismissed', 'confirmed', 'gone'))
);
create index hits_account_idx on hits (shard, account_id);
create index hits_newest_idx on hits (first_seen_at desc, hit_id desc);
create index hits_open_idx on hits (first_seen_at desc, hit_id desc) where state = 'open';
