-- Consolidations are asked for and done later, each in one transaction: whoever is killed in between, it goes on.
create table consolidations (
    consolidation_id uuid not null,
    destination_id uuid not null,
    state text not null,
    -- Why it was not done, in plain words.
    refusal text,
    actor text not null,
    created_at timestamptz not null,
    ended_at timestamptz,
    constraint consolidations_pkey primary key (consolidation_id),
    constraint consolidations_state_check check (state in ('pending', 'done', 'refused'))
);
create index consolidations_pending_idx on consolidations (created_at, consolidation_id) where state = 'pending';
create index consolidations_destination_idx on consolidations (destination_id) where state = 'pending';

create table consolidation_sources (
    consolidation_id uuid not null,
    account_id uuid not null,
    is_pending boolean not null default true,
    constraint consolidation_sources_pkey primary key (consolidation_id, account_id),
    constraint consolidation_sources_consolidation_fkey foreign key (consolidation_id) references consolidations
);
-- An account goes one way at a time.
create unique index consolidation_sources_pending_key on consolidation_sources (account_id) where is_pending;
