-- A decision rests on the account's screened data too, and ends: with what it rests on, or with its time. What ended it
-- stays beside it.
alter table decisions
    add column subject_digest bytea,
    add column ended_at timestamptz,
    add column ended_for text[];
