-- Whether a rescreen that somebody asked for opens hits again that were dismissed under another threshold, and how many it
-- opened.
alter table rescreens
    add column reopens boolean not null default false,
    add column reopened bigint not null default 0;
