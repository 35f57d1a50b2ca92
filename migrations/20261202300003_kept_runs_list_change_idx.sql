-- no-transaction
-- The same of the runs that are kept of old months.
create index concurrently kept_runs_list_change_idx on kept_runs (basis_id, changed, recorded_at)
    where trigger = 'list-change';
