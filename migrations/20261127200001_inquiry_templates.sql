-- What inquiries are made by, as the configuration last said it: every process of a fleet, and every inquiry under
-- way, goes by the same. The id follows from the name.
create table inquiry_templates (
    template_id uuid not null,
    name text not null,
    definition jsonb not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    -- Set when the configuration no longer has it: its inquiries are completed by it, and new ones are refused.
    removed_at timestamptz,
    constraint inquiry_templates_pkey primary key (template_id),
    constraint inquiry_templates_name_key unique (name)
);
