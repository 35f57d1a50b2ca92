-- The version of the keys that a rescreen's tokens were made of.
alter table rescreens add column keys_version smallint not null default 1;
