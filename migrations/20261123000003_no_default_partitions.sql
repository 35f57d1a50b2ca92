-- While there is a default partition, no month can leave its table without locking everybody out: what the
-- defaults hold moves into months of its own, and they go.
do $$
declare
    parent text;
    month timestamp;
begin
    foreach parent in array array['runs', 'events'] loop
        execute format('alter table %1$s detach partition %1$s_default', parent);
        for month in execute format(
            'select distinct date_trunc(''month'', %I at time zone ''UTC'') from %s_default',
            case parent when 'runs' then 'recorded_at' else 'occurred_at' end, parent
        ) loop
            execute format(
                'create table %1$s_%2$s partition of %1$s for values from (%3$L) to (%4$L)',
                parent, to_char(month, 'YYYY_MM'),
                to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00',
                to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00'
            );
        end loop;
        execute format('insert into %1$s select * from %1$s_default', parent);
        execute format('drop table %1$s_default', parent);
    end loop;
end
$$;
