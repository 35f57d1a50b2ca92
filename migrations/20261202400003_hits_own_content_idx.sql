-- no-transaction
-- Hits of items of own lists that have a copy of the item are found without those that have lost it.
create index concurrently hits_own_content_idx on hits (entity)
where entity like 'own:%' and sealed_content is not null;
