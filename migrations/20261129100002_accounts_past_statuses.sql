-- The statuses that an account had before, each with since when: from one end status into another the relationship does
-- not end once more.
alter table accounts
    add column past_statuses jsonb not null default '[]';

create function accounts_note_status() returns trigger language plpgsql as $$
begin
    -- The last ones are enough: an end is only ever found later than it was, never earlier.
    if jsonb_array_length(old.past_statuses) >= 16 then
        new.past_statuses := old.past_statuses - 0;
    else
        new.past_statuses := old.past_statuses;
    end if;
    new.past_statuses := new.past_statuses
        || jsonb_build_array(jsonb_build_array(old.status, coalesce(old.status_changed_at, old.updated_at)));
    return new;
end
$$;

create trigger accounts_status_noted before update of status on accounts
    for each row when (old.status is distinct from new.status)
    execute function accounts_note_status();
