-- no-transaction
-- Reports with a question of their own: no key of their accounts tells whom they ask about.
create index concurrently monitors_question_idx on monitors (schedule_id, shard, monitor_id)
where sealed_query is not null;
