-- What was answered to requests with an Idempotency-Key, for a day: the same request again has the same answer.
create table idempotency_replies (
    api_key_id uuid not null,
    -- A keyed hash of the client's own key, which may name a customer.
    key_digest bytea not null,
    -- A keyed hash of method, path and body: another request with the same key is refused.
    request_digest bytea not null,
    reply_id uuid not null,
    -- The account that the answer tells of: redacting it takes the answer with it.
    account_id uuid,
    status smallint,
    -- The answer, sealed under a data key of its own; null while the request is under way.
    sealed_body bytea,
    created_at timestamptz not null,
    constraint idempotency_replies_pkey primary key (api_key_id, key_digest),
    constraint idempotency_replies_status_check check ((status is null) = (sealed_body is null))
);
create index idempotency_replies_created_idx on idempotency_replies (created_at);
create index idempotency_replies_account_idx on idempotency_replies (account_id) where account_id is not null;
