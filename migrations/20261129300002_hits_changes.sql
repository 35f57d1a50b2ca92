-- A hit that is open again says what changed, be it the account's screened data.
alter table hits
    add column subject_digest bytea,
    add column changes text[];
