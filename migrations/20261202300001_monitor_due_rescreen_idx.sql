-- no-transaction
-- Monitors that wait for their turn because they are screened once more, few or all: counted without reading the others.
create index concurrently monitor_due_rescreen_idx on monitor_due (schedule_id)
    where reason in ('list-change', 'run-now');
