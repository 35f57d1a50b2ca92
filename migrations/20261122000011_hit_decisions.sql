-- Who decided on a hit, when, and why; the reason may name the person, so it is sealed.
alter table hits
    add column decided_at timestamptz,
    add column decided_by text,
    add column sealed_reason bytea;
