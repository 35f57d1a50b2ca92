-- Tags become things of their own, with an id for outsiders, a colour and a description; they can be retired, and
-- merged into others.
alter table tags
    add column public_id uuid not null default gen_random_uuid(),
    add column colour text,
    add column description text,
    add column updated_at timestamptz,
    -- Since when nobody may set it any more.
    add column retired_at timestamptz,
    -- The tag that took its place; the accounts that still have this one are given that one, page by page.
    add column merged_into integer,
    add constraint tags_public_key unique (public_id),
    add constraint tags_merged_into_fkey foreign key (merged_into) references tags;
