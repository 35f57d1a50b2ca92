-- Account types can be made through the API too: the configuration leaves those alone, and the API leaves its alone.
alter table account_types
    add column is_configured boolean not null default true,
    -- Fields that came to be searched by, and whose tokens are not all there yet.
    add column indexing text[] not null default '{}';
