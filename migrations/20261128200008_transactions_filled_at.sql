-- When a transaction was filled again after its redaction: periods are counted from then.
alter table transactions
    add column filled_at timestamptz;
