-- An account can be retired: archived, by a person or because it was consolidated into another, or emptied of its
-- personal data for good.
alter table accounts
    add column archived_at timestamptz,
    add column redacted_at timestamptz,
    -- The account that took over what this one had; of the same shard or another.
    add column consolidated_into uuid;
