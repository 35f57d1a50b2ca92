-- Inquiries: one verification of an account each. What was collected is sealed under the inquiry's own data key;
-- what came of comparing it with the account holds no values, and outlives the redaction.
create table inquiries (
    shard smallint not null,
    inquiry_id uuid not null,
    -- The account, none when nobody wanted one. Of another shard than the inquiry once it was consolidated.
    account_shard smallint,
    account_id uuid,
    template_id uuid not null,
    template text not null,
    status text not null,
    -- Fields that were collected, the note, the reviewer's comment.
    sealed_content bytea,
    -- Finds inquiries by their note.
    note_digest bytea,
    tags text[] not null default '{}',
    -- The comparison: field, method, result, reason, requirement.
    checks jsonb not null default '[]',
    creator text not null,
    reviewer text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    started_at timestamptz,
    completed_at timestamptz,
    failed_at timestamptz,
    expired_at timestamptz,
    marked_for_review_at timestamptz,
    decided_at timestamptz,
    redacted_at timestamptz,
    -- When it expires; null when it is no longer open, or never does.
    expires_at timestamptz,
    expire_after_start integer,
    expire_after_resume integer,
    constraint inquiries_pkey primary key (shard, inquiry_id),
    constraint inquiries_account_fkey foreign key (account_shard, account_id) references accounts,
    constraint inquiries_shard_check check (shard between 0 and 255),
    constraint inquiries_status_check check (status in (
        'created', 'pending', 'completed', 'expired', 'failed', 'needs_review', 'approved', 'declined'))
);
create index inquiries_account_idx on inquiries (account_shard, account_id, inquiry_id);
-- Listings are newest first, and an id of version 7 grows with time.
create index inquiries_recent_idx on inquiries (inquiry_id);
create index inquiries_status_idx on inquiries (status, inquiry_id);
create index inquiries_template_idx on inquiries (template_id, inquiry_id);
create index inquiries_note_idx on inquiries (note_digest, inquiry_id) where note_digest is not null;
create index inquiries_expires_idx on inquiries (expires_at) where expires_at is not null;
