-- Whatever changes an object that a policy could be about, by whatever statement, has it looked at again.
create function retention_note() returns trigger language plpgsql as $$
begin
    -- Nothing is noted where nothing is to be redacted.
    if exists (
        select from retention_policies
        where removed_at is null
          and definition ->> 'object' = any(tg_argv[2]::text[])
    ) then
        execute format(
            'insert into retention_queue (object_kind, shard, object_id) select %L, shard, %I from changed',
            tg_argv[0],
            tg_argv[1]
        );
    end if;
    return null;
end
$$;

create trigger accounts_retention_inserted after insert on accounts
    referencing new table as changed for each statement
    execute function retention_note('account', 'account_id', '{account,inquiry,report}');
create trigger accounts_retention_updated after update on accounts
    referencing new table as changed for each statement
    execute function retention_note('account', 'account_id', '{account,inquiry,report}');
create trigger inquiries_retention_inserted after insert on inquiries
    referencing new table as changed for each statement
    execute function retention_note('inquiry', 'inquiry_id', '{inquiry}');
create trigger inquiries_retention_updated after update on inquiries
    referencing new table as changed for each statement
    execute function retention_note('inquiry', 'inquiry_id', '{inquiry}');
create trigger monitors_retention_inserted after insert on monitors
    referencing new table as changed for each statement
    execute function retention_note('report', 'monitor_id', '{report}');
create trigger monitors_retention_updated after update on monitors
    referencing new table as changed for each statement
    execute function retention_note('report', 'monitor_id', '{report}');
create trigger transactions_retention_inserted after insert on transactions
    referencing new table as changed for each statement
    execute function retention_note('transaction', 'transaction_id', '{transaction}');
create trigger transactions_retention_updated after update on transactions
    referencing new table as changed for each statement
    execute function retention_note('transaction', 'transaction_id', '{transaction}');
create trigger list_items_retention_inserted after insert on list_items
    referencing new table as changed for each statement
    execute function retention_note('list-item', 'list_item_id', '{list-item}');
create trigger list_items_retention_updated after update on list_items
    referencing new table as changed for each statement
    execute function retention_note('list-item', 'list_item_id', '{list-item}');
