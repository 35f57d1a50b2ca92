-- Any id yields its shard, also in a statement: a report may be of an account of another shard, once its own was
-- consolidated into that one.
create function shard_of(id uuid) returns smallint
    language sql immutable parallel safe
    return get_byte(uuid_send(id), 15)::smallint;
