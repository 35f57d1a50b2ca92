-- no-transaction
-- Inquiries that have a tag are found when it is renamed or merged.
create index concurrently inquiries_tags_idx on inquiries using gin (tags);
