-- Who decided on a hit, when, and why; the reason may name the person, so it is sealed. A decision outlasts
-- that runs do not find the entity for a while: the state before is kept.
alter table hits
    add column decided_at timestamptz,
    add column decided_by text,
    add column sealed_reason bytea,
    add column state_before_gone text,
    add constraint hits_state_before_gone_check check (state_before_gone in ('open', 'dismissed', 'confirmed'));
