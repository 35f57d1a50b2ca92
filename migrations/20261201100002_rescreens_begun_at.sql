-- When a rescreen was begun, by the database's clock.
alter table rescreens add column begun_at timestamptz not null default clock_timestamp();
create index rescreens_begun_idx on rescreens (begun_at) where list is not null;
