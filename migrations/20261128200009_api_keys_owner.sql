-- Whom a key belongs to: what needs two people needs keys of two owners.
alter table api_keys
    add column owner text;
