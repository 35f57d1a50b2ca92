-- A redacted account rests until somebody fills it again: while its version is the one that redaction left, there is
-- nothing to watch.
alter table accounts
    add column redacted_version bigint;
