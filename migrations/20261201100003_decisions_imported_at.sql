-- When a decision that was made elsewhere was imported: its reason is here since then.
alter table decisions add column imported_at timestamptz;
