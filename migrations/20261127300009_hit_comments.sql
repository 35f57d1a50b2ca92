-- What people note on a hit before they decide.
create table hit_comments (
    shard smallint not null,
    comment_id uuid not null,
    hit_id uuid not null,
    actor text not null,
    -- May name the person, so it is sealed under the report's data key; null once the report is redacted.
    sealed_text bytea,
    created_at timestamptz not null,
    constraint hit_comments_pkey primary key (shard, comment_id),
    constraint hit_comments_hit_fkey foreign key (shard, hit_id) references hits
);
create index hit_comments_hit_idx on hit_comments (hit_id, created_at);
