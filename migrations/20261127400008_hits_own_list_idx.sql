-- no-transaction
-- How often an item of a list of the customer's own has matched is counted by its entity; such hits are few.
create index concurrently hits_own_list_idx on hits (entity) where entity like 'own:%';
