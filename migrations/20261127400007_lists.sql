-- Lists of the customer's own: names to match accounts against, and values to look up. Each value is sealed under a
-- key of its own, and found again by a keyed hash of it.
create table lists (
    list_id uuid not null,
    kind text not null,
    name text not null,
    -- Counts the changes of its items: whoever matches against it sees that it is another.
    version bigint not null default 1,
    actor text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    archived_at timestamptz,
    constraint lists_pkey primary key (list_id),
    constraint lists_kind_check check (kind in (
        'names', 'email-addresses', 'phone-numbers', 'countries', 'government-id-numbers', 'ip-addresses', 'strings'
    ))
);
-- The configuration names lists: one of a name is in use.
create unique index lists_name_key on lists (lower(name)) where archived_at is null;

create table list_items (
    shard smallint not null,
    list_item_id uuid not null,
    list_id uuid not null,
    sealed_value bytea,
    value_digest bytea not null,
    actor text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    archived_at timestamptz,
    constraint list_items_pkey primary key (shard, list_item_id),
    constraint list_items_list_fkey foreign key (list_id) references lists
);
-- An active value stands on a list once.
create unique index list_items_value_key on list_items (list_id, value_digest) where archived_at is null;
create index list_items_newest_idx on list_items (list_id, list_item_id);
