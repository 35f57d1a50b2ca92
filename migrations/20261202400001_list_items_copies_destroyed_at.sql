-- When the copies went that hits had of an item whose value was destroyed: who made them may still have been under way.
alter table list_items add column copies_destroyed_at timestamptz;
