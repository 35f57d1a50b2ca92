//! Who must be monitored and is not, and the other way round: schedules x accounts against monitors.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::{
    id::{AccountId, AccountTypeId, MonitorId},
    monitor::PausedBy,
};

/// Queues changed accounts: enrolment looks at them within seconds.
pub async fn insert_queue(conn: &mut PgConnection, accounts: &[AccountId]) -> Result<(), StoreError> {
    let shards: Vec<i16> = accounts.iter().map(|account| account.shard().column()).collect();
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    sqlx::query!(
        "insert into enrol_queue (shard, account_id) select * from unnest($1::smallint[], $2::uuid[])",
        &shards,
        &ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes queued accounts off the queue, oldest first, each with when it first came onto it; they are back on it if the
/// transaction fails.
pub async fn claim_queue(
    conn: &mut PgConnection,
    limit: i64,
) -> Result<Vec<(AccountId, DateTime<Utc>)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        delete from enrol_queue
        where queue_id in (select queue_id from enrol_queue order by queue_id limit $1 for update skip locked)
        returning account_id, queued_at
        "#,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let mut queued: Vec<_> = rows.into_iter().map(|row| (AccountId(row.account_id), row.queued_at)).collect();
    queued.sort_unstable();
    queued.dedup_by_key(|(account, _)| *account);
    Ok(queued)
}

/// A schedule's selection in the form that SQL compares with.
#[derive(Debug, Default)]
pub struct Selected {
    /// Account types; empty means any.
    pub types: Vec<Uuid>,
    /// Statuses; empty means any.
    pub statuses: Vec<String>,
    /// At least one of these tags; empty means no matter.
    pub tags_any: Vec<String>,
    /// None of these tags.
    pub tags_none: Vec<String>,
    /// A JSON object: plain field key to the array of accepted values.
    pub fields: Value,
    /// Why nothing is selected: the schedule was removed, or is paused.
    pub paused_by: Option<PausedBy>,
}

impl Selected {
    /// Ids of types in the form that the statement takes.
    pub fn type_ids(types: &[AccountTypeId]) -> Vec<Uuid> {
        types.iter().map(|id| id.0).collect()
    }
}

/// An account whose monitor of a schedule is not what the selection asks for.
#[derive(Debug)]
pub struct Difference {
    /// The account.
    pub account: AccountId,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The monitor it has, in whatever state.
    pub monitor: Option<MonitorId>,
    /// Whether the selection asks for one.
    pub selected: bool,
}

/// Compares `accounts` with what the selection asks for, and tells where they differ.
pub async fn list_differences(
    conn: &mut PgConnection,
    schedule_id: i32,
    selected: &Selected,
    accounts: &[AccountId],
) -> Result<Vec<Difference>, StoreError> {
    let shards: Vec<i16> = accounts.iter().map(|account| account.shard().column()).collect();
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let rows = sqlx::query!(
        r#"
        select account.account_id, account.created_at, monitor.monitor_id as "monitor_id?",
               wanted.selected as "selected!"
        from unnest($1::smallint[], $2::uuid[]) as page (shard, account_id)
        join accounts as account using (shard, account_id)
        left join monitors as monitor
            on monitor.account_id = account.account_id
           and monitor.schedule_id = $3
           and monitor.by_schedule
        cross join lateral (
            select not $9
               and (cardinality($4::uuid[]) = 0 or account.account_type_id = any($4))
               and (cardinality($5::text[]) = 0 or account.status = any($5))
               and (cardinality($6::text[]) = 0 or exists (
                       select from account_tags join tags using (tag_id)
                       where account_tags.shard = account.shard
                         and account_tags.account_id = account.account_id
                         and tags.name = any($6)))
               and (cardinality($7::text[]) = 0 or not exists (
                       select from account_tags join tags using (tag_id)
                       where account_tags.shard = account.shard
                         and account_tags.account_id = account.account_id
                         and tags.name = any($7)))
               -- Each wanted field must hold one of its accepted values, a list any of them; an absent
               -- field does not.
               and not exists (
                       select from jsonb_each($8::jsonb) as accepted (key, choices)
                       where not exists (
                           select from jsonb_array_elements(
                               case jsonb_typeof(account.fields -> accepted.key)
                                   when 'array' then account.fields -> accepted.key
                                   else jsonb_build_array(account.fields -> accepted.key)
                               end) as held (value)
                           where accepted.choices @> held.value
                             and held.value <> 'null'))
               as selected
        ) as wanted
        -- A match holds a monitor until all its hits are decided, whatever the selection says meanwhile.
        where (monitor.state is distinct from 'held' or not exists (
                  select from hits
                  where hits.shard = monitor.shard
                    and hits.monitor_id = monitor.monitor_id
                    and hits.state = 'open'))
          -- What a person paused stays so, whatever else holds, until a person resumes it.
          and (monitor.state is distinct from 'paused' or monitor.state_reason = any($10))
          -- A paused account is left as it is: it is looked at when it is resumed.
          and not exists (
                  select from account_pauses
                  where account_pauses.shard = account.shard
                    and account_pauses.account_id = account.account_id)
          -- So is an archived account, until it is restored, and a redacted one, until it is filled again.
          and account.archived_at is null
          and account.version is distinct from account.redacted_version
          and (monitor.state = 'held'
               -- What was paused with its schedule or account is taken up, or ended, when that is back; and what
               -- was released.
               or (not $9 and monitor.state = 'paused' and monitor.state_reason = any($10))
               -- What stays paused, stays so for the reason that now holds.
               or ($9 and monitor.state = 'paused' and monitor.state_reason <> $11)
               or wanted.selected <> (
                   monitor.monitor_id is not null
                   and monitor.state <> 'ended'
                   and not (monitor.state = 'paused' and coalesce(monitor.state_reason, '') = any($10))))
          -- A pause, and its end, lets nothing out of quarantine.
          and (not $9 or monitor.state <> 'quarantined')
        order by account.shard, account.account_id
        "#,
        &shards,
        &ids,
        schedule_id,
        &selected.types,
        &selected.statuses,
        &selected.tags_any,
        &selected.tags_none,
        selected.fields,
        selected.paused_by.is_some(),
        &PausedBy::ALL.iter().map(|by| by.word().to_owned()).collect::<Vec<_>>(),
        selected.paused_by.map(PausedBy::word),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Difference {
            account: AccountId(row.account_id),
            created_at: row.created_at,
            monitor: row.monitor_id.map(MonitorId),
            selected: row.selected,
        })
        .collect())
}
