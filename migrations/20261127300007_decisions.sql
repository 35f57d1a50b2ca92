-- A person's decision is about an account and an entity: it holds for all reports of the account, also for those
-- that find the entity later.
create table decisions (
    shard smallint not null,
    account_id uuid not null,
    entity text not null,
    state text not null,
    -- The facts that it rests on; null for one from elsewhere, until a run finds the entity.
    facts_digest bytea,
    decided_at timestamptz not null,
    decided_by text not null,
    -- May name the person, so it is sealed under the account's data key.
    sealed_reason bytea,
    constraint decisions_pkey primary key (shard, account_id, entity),
    constraint decisions_account_fkey foreign key (shard, account_id) references accounts,
    constraint decisions_state_check check (state in ('dismissed', 'confirmed'))
);
-- What was decided on hits so far.
insert into decisions (shard, account_id, entity, state, facts_digest, decided_at, decided_by)
select distinct on (shard, account_id, entity)
       shard, account_id, entity, case state when 'gone' then state_before_gone else state end, facts_digest,
       decided_at, coalesce(decided_by, 'unknown')
from hits
where decided_at is not null
  and (state in ('dismissed', 'confirmed')
       or (state = 'gone' and state_before_gone in ('dismissed', 'confirmed')))
order by shard, account_id, entity, decided_at desc;
