-- What came in a change: whom its tokens find is compared with these entities before anything runs. Empty: all that are
-- found run. Beside it how many were compared, and the account up to which all keys were read, where that is quicker than
-- to look each token up.
alter table rescreens
    add column gains text[] not null default '{}',
    add column compared bigint not null default 0,
    add column read_to uuid;
