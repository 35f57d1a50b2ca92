-- no-transaction
-- Whom a change of an entity concerns that cannot make it anybody else's.
create index concurrently hits_entity_idx on hits (entity) where state <> 'gone';
