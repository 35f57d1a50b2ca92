-- Who did what to which object, when and from where: entries wait unnumbered, as the transaction that made the change
-- wrote them, until the sequencer numbers them without gaps and chains each to the one before.
create table audit_pending (
    entry_id uuid not null,
    occurred_at timestamptz not null,
    operation text not null,
    account_id uuid,
    object_id uuid,
    -- All objects that it is about, those within the detail too.
    objects uuid[] not null,
    actor text not null,
    origin_kind text not null,
    origin_id text,
    address text,
    -- JSON as text: what was hashed must come back byte by byte.
    detail text not null,
    constraint audit_pending_pkey primary key (entry_id),
    constraint audit_pending_origin_kind_check check (origin_kind in ('system', 'user', 'api-key'))
);

create table audit_entries (
    sequence bigint not null,
    entry_id uuid not null,
    occurred_at timestamptz not null,
    operation text not null,
    account_id uuid,
    object_id uuid,
    objects uuid[] not null,
    actor text not null,
    origin_kind text not null,
    origin_id text,
    address text,
    detail text not null,
    -- A keyed hash over the entry and the hash of the entry before.
    mac bytea not null,
    constraint audit_entries_pkey primary key (sequence)
);
create index audit_entries_objects_idx on audit_entries using gin (objects);
create index audit_entries_occurred_idx on audit_entries using brin (occurred_at);

-- The last entry; its one row is what the sequencers of a fleet wait for each other on.
create table audit_head (
    sequence bigint not null,
    mac bytea not null
);
create unique index audit_head_one_key on audit_head ((true));
insert into audit_head (sequence, mac) values (0, decode(repeat('00', 32), 'hex'));

-- A slip is refused at once; who means it is found by the chain.
create function refuse_change_of_audit() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is append-only';
end $$;
create trigger audit_entries_append_only before update or delete on audit_entries
    for each row execute function refuse_change_of_audit();
create trigger audit_entries_no_truncate before truncate on audit_entries
    for each statement execute function refuse_change_of_audit();

-- Rows come and go all the time.
alter table audit_pending set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
