-- no-transaction
-- What somebody is to look at: few of all hits.
create index concurrently hits_assignee_idx on hits (assignee, first_seen_at desc, hit_id desc) where assignee is not null;
