-- Processes of a fleet watch each other: whose beat stands still for the lease time is dead.
alter table processes
    -- Counts up while the process lives: others see it move, whatever anybody's clock says.
    add column beat bigint not null default 0,
    -- The configuration that it holds.
    add column revision integer,
    -- The machine, and the process on it: who starts there sees at once that a predecessor is dead.
    add column machine text,
    add column machine_process text,
    -- It takes on nothing more: its shards are for others.
    add column leaving boolean not null default false;
create index processes_running_idx on processes (process_id) where stopped_at is null;
