-- no-transaction
-- The few items are found whose value was destroyed and of which hits may have copies.
create index concurrently list_items_copies_idx on list_items (updated_at)
where sealed_value is null and copies_destroyed_at is null;
