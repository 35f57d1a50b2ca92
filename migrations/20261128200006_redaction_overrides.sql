-- Requests to redact an object although a policy keeps it: somebody asks, somebody else approves, and it is used once.
create table redaction_overrides (
    override_id uuid not null,
    object_kind text not null,
    object_id uuid not null,
    -- A code: nothing about a person.
    reason text not null,
    requested_by text not null,
    -- Whom the key belongs to that asked.
    requester text not null,
    requested_at timestamptz not null,
    approved_by text,
    approver text,
    approved_at timestamptz,
    expires_at timestamptz not null,
    used_at timestamptz,
    constraint redaction_overrides_pkey primary key (override_id),
    constraint redaction_overrides_approver_check check (approver <> requester)
);
create index redaction_overrides_object_idx on redaction_overrides (object_id) where used_at is null;
