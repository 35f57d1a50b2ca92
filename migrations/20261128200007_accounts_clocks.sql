-- Since when an account has its status, and when it was filled again after its redaction: periods are counted from both.
alter table accounts
    -- Null for one that has not changed its status since this was added: it did so before it last changed at all.
    add column status_changed_at timestamptz,
    add column filled_at timestamptz;
