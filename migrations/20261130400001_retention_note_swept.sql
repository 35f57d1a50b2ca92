-- The sweep works out itself when what it redacts falls due again: nobody need look at it once more.
create or replace function retention_note() returns trigger language plpgsql as $$
begin
    if current_setting('watchkeeper.sweep', true) = 'on' then
        return null;
    end if;
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
