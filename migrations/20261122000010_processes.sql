-- Running daemons, so that `status` can show them and `run` knows whether one is there to do the work.
create table processes (
    process_id uuid not null,
    host text not null,
    pid integer not null,
    version text not null,
    started_at timestamptz not null,
    seen_at timestamptz not null,
    stopped_at timestamptz,
    -- When this process last recorded a run: no table of runs has to be searched for it.
    recorded_at timestamptz,
    constraint processes_pkey primary key (process_id)
);
