-- When a stopped monitor would have run next: one that is resumed keeps its place, and a pause of ten minutes
-- does not make every monthly report run anew.
alter table monitors add column resume_at timestamptz;
