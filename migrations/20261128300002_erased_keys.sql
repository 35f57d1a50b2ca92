-- Keys that redaction destroyed, noted by whatever statement deletes them: none is forgotten in a certificate.
create table erased_keys (
    key_id uuid not null,
    object_id uuid not null,
    -- The transaction that destroyed it.
    erased_in xid8 not null,
    erased_at timestamptz not null,
    constraint erased_keys_pkey primary key (key_id)
);
create index erased_keys_transaction_idx on erased_keys (erased_in);
create index erased_keys_object_idx on erased_keys (object_id);
create function note_erased_keys() returns trigger language plpgsql as $$
begin
    insert into erased_keys (key_id, object_id, erased_in, erased_at)
    select key_id, object_id, pg_current_xact_id(), now() from gone
    on conflict do nothing;
    return null;
end $$;
-- Keys of answers kept for a day go all the time: only transactions that say so are erasures.
create trigger data_keys_erased after delete on data_keys
    referencing old table as gone
    for each statement when (current_setting('watchkeeper.erasure', true) = 'on')
    execute function note_erased_keys();
