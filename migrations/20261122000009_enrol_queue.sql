-- Accounts that changed since enrolment last looked at them; written by the transaction of the change.
create table enrol_queue (
    queue_id bigint generated always as identity,
    shard smallint not null,
    account_id uuid not null,
    constraint enrol_queue_pkey primary key (queue_id)
) with (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000
);
