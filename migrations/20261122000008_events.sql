-- Everything that happens, written by the transaction that caused it; a sequencer numbers them later.
create table events (
    occurred_at timestamptz not null,
    event_id uuid not null,
    account_id uuid,
    object_id uuid,
    shard smallint,
    kind text not null,
    actor text not null,
    -- References and plain words only: nothing personal.
    detail jsonb not null
) partition by range (occurred_at);
create index events_account_idx on events (account_id, occurred_at);
create table events_default partition of events default;
