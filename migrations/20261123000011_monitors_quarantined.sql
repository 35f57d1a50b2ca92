-- A monitor that killed its process again and again is set aside, alone, until a person lets it go.
alter table monitors drop constraint monitors_state_check;
alter table monitors add constraint monitors_state_check
    check (state in ('active', 'held', 'paused', 'ended', 'quarantined')) not valid;
alter table monitors validate constraint monitors_state_check;
