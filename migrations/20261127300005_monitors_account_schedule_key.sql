-- The new index takes the old one's place, under its name: who inserts does not notice.
alter table monitors
    drop constraint monitors_account_schedule_key,
    drop constraint monitors_account_fkey,
    add constraint monitors_account_schedule_key unique using index monitors_of_account_idx;
