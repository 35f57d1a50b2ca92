-- When a type's screened fields change, the keys of accounts are made anew: until then, none may be left out.
create function restart_key_builds() returns trigger language plpgsql as $$
begin
    update key_builds set shard = 0, account_id = null, finished_at = null;
    return null;
end $$;
create trigger account_types_screened after update on account_types
    for each row when (
        old.definition -> 'screened' is distinct from new.definition -> 'screened'
        or old.definition -> 'kind' is distinct from new.definition -> 'kind'
    )
    execute function restart_key_builds();
