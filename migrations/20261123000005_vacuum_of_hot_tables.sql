-- Rows that change in place need room beside them and a vacuum that comes before a fifth of a large table is
-- dead; tables that stay small are vacuumed by count.
do $$
declare
    hot record;
begin
    for hot in
        select * from (values
            -- A heartbeat a second for each process, on few rows that are read by everybody.
            ('processes', 'fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200'),
            -- The place of a walk moves with every page.
            ('schedules', 'fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200'),
            -- Statuses that matches set and take back; imports that update.
            ('accounts', 'fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02'),
            ('account_tags', 'autovacuum_vacuum_scale_factor = 0.02'),
            ('monitors', 'fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02'),
            ('hits', 'fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02')
        ) as settings (name, value)
    loop
        execute format('alter table %I set (%s)', hot.name, hot.value);
    end loop;
end
$$;
