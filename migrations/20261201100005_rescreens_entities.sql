-- Entities of which the accounts are screened again that have a hit, and how many of them were looked up.
alter table rescreens
    add column entities text[] not null default '{}',
    add column entities_done integer not null default 0;
