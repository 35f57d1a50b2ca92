-- The published lists that each schedule's provider answers from: who gains one is screened against it.
create table schedule_lists (
    schedule_id integer not null,
    list text not null,
    constraint schedule_lists_pkey primary key (schedule_id, list),
    constraint schedule_lists_schedule_fkey foreign key (schedule_id) references schedules
);
