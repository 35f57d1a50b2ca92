-- What is redacted when and what is kept how long, as the configuration last said it: whoever redacts goes by this, and
-- not by the file that it was started with.
create table retention_policies (
    policy_id integer generated always as identity,
    name text not null,
    definition jsonb not null,
    created_at timestamptz not null,
    changed_at timestamptz not null,
    removed_at timestamptz,
    constraint retention_policies_pkey primary key (policy_id),
    constraint retention_policies_name_key unique (name)
);
