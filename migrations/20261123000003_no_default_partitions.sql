-- While there is a default partition, no month can leave its table without locking everybody out: what the
-- defaults hold moves into months of its own, and they go.
do $$
declare
    parent text;
    month timestamp;
begin
    foreach parent in array array['runs', 'events'] loop
        execute format('alter table %1$I detach partition %1$s_default', parent);
        for month in execute format(
            'select distinct date_trunc(''month'', %I at time zone ''UTC'') from %s_default',
            case parent when 'runs' then 'recorded_at' else 'occurred_at' end, parent
        ) loop
            execute format(
                'create table if not exists %s_%s partition of %I for values from (%L) to (%L)',
                parent, to_char(month, 'YYYY_MM'), parent,
                to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00',
                to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00'
            );
        end loop;
        execute format('insert into %1$I select * from %1$s_default', parent);
        execute format('drop table %s_default', parent);
    end loop;
end
$$;
