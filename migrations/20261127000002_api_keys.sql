-- Keys of the API. A key is shown once; what is kept is the hash of it, by which a request's key is found.
create table api_keys (
    api_key_id uuid not null,
    name text not null,
    note text,
    hash bytea not null,
    -- The first characters, by which a person knows it again.
    hint text not null,
    permissions text[] not null,
    ip_allowlist text[] not null,
    attributes_blocklist text[] not null,
    requests_per_minute integer,
    api_version text,
    api_key_inflection text,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    constraint api_keys_pkey primary key (api_key_id),
    constraint api_keys_hash_key unique (hash),
    constraint api_keys_requests_check check (requests_per_minute > 0)
);
