-- Imports through the API: the file is kept, sealed, until its rows are taken; whoever dies in between has lost
-- nothing, and nothing is done twice, for the place in the file moves with the rows.
create table importers (
    importer_id uuid not null,
    actor text not null,
    status text not null,
    options jsonb not null,
    -- How many pieces the file has; null while it is still being sent.
    pieces integer,
    created_count bigint not null default 0,
    updated_count bigint not null default 0,
    unchanged_count bigint not null default 0,
    error_count bigint not null default 0,
    -- The line up to which the file is done.
    done_line bigint not null default 0,
    -- What is wrong with the file as a whole.
    fault text,
    created_at timestamptz not null,
    completed_at timestamptz,
    constraint importers_pkey primary key (importer_id),
    constraint importers_status_check check (status in ('pending', 'ready', 'errored'))
);
create index importers_pending_idx on importers (created_at) where status = 'pending';

-- The file, in pieces of at most a mebibyte, sealed under the import's data key; gone when it is done.
create table importer_pieces (
    importer_id uuid not null,
    piece integer not null,
    sealed_content bytea not null,
    constraint importer_pieces_pkey primary key (importer_id, piece),
    constraint importer_pieces_importer_fkey foreign key (importer_id) references importers on delete cascade
);

-- Rows that were not taken, by line; no reason quotes what the row says.
create table importer_rejects (
    importer_id uuid not null,
    line bigint not null,
    column_name text,
    reason text not null,
    constraint importer_rejects_pkey primary key (importer_id, line),
    constraint importer_rejects_importer_fkey foreign key (importer_id) references importers on delete cascade
);
