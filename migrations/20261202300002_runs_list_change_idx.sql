-- What a change of a list brought, and how fast: its runs among all, by what they rested on. Recording waits while it is
-- built: a scan of all runs, since what is parted by month cannot be indexed beside others.
create index runs_list_change_idx on runs (basis_id, changed, recorded_at) where trigger = 'list-change';
