-- Inquiries and reports have tags by name: what a tag was called before is given its new name there page by page.
create table tag_renames (
    from_name text not null,
    to_name text not null,
    -- Whether it is another tag now, which events tell of; else the same under another name.
    is_merge boolean not null,
    created_at timestamptz not null,
    constraint tag_renames_pkey primary key (from_name)
);
