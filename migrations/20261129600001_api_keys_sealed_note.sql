-- What a person noted on a key can name somebody. `note` is what was written before; the daemon seals it and empties it.
alter table api_keys add column sealed_note bytea;
