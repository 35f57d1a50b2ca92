-- A master key that was rotated away from wraps nothing any more, whatever an older configuration says.
alter table master_key_checks add column retired_at timestamptz;
create function refuse_retired_master_key() returns trigger language plpgsql as $$
declare
    retired text;
begin
    select master.master_key_id into retired
    from master_key_checks as master
    where master.retired_at is not null
      and exists (select from made where made.master_key_id = master.master_key_id)
    limit 1;
    if retired is not null then
        raise exception 'master key % is retired: it wraps no key any more', retired using errcode = 'check_violation';
    end if;
    return null;
end $$;
create trigger data_keys_master_key_insert after insert on data_keys
    referencing new table as made for each statement execute function refuse_retired_master_key();
create trigger data_keys_master_key_update after update on data_keys
    referencing new table as made for each statement execute function refuse_retired_master_key();
