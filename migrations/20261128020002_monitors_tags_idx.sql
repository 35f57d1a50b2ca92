-- no-transaction
-- Reports that have a tag are found when it is renamed or merged; nearly all have none.
create index concurrently monitors_tags_idx on monitors using gin (tags) where tags is not null;
