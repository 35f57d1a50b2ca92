-- Since when nothing is under a retired master key: nothing comes under it again, so no start looks for it any more.
alter table master_key_checks add column emptied_at timestamptz;
