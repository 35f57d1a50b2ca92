//! What proves that accounts were screened: the runs of one account in a period, and of all accounts who was screened
//! and who was not.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::{
    domain::id::{self, AccountId, AccountTypeId, MonitorId, RunId, Shard},
    vault::WrappedKey,
};

/// A period: from its first instant, to before its last.
#[derive(Clone, Copy, Debug)]
pub struct Period {
    /// From when on.
    pub from: DateTime<Utc>,
    /// Before when.
    pub until: DateTime<Utc>,
}

impl Period {
    /// The part of it that is over; none when it has not begun. What happened in this second belongs to it.
    pub fn over_by(self, now: DateTime<Utc>) -> Option<Self> {
        let until = self.until.min(now + TimeDelta::seconds(1));
        (self.from < until).then_some(Self { until, ..self })
    }
}

/// A run, with what it asked and answered where that is kept.
#[derive(Debug)]
pub struct EvidenceRun {
    /// Its id.
    pub id: RunId,
    /// Its monitor.
    pub monitor: MonitorId,
    /// The schedule of the monitor.
    pub schedule: String,
    /// Which run of the monitor it is.
    pub slot: i64,
    /// Why it ran.
    pub trigger: String,
    /// When it was to run.
    pub due_at: DateTime<Utc>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// How long the provider took.
    pub duration_ms: i32,
    /// What it ended with.
    pub outcome: String,
    /// How many entities the answer named.
    pub findings: i32,
    /// Whether the answer, or with a match the data asked about, differed from the one before.
    pub changed: bool,
    /// The class of failure.
    pub failure: Option<String>,
    /// The version of the account's data that it saw.
    pub account_version: i64,
    /// What it rested on.
    pub basis: Value,
    /// What was asked and answered, sealed; only where the answer differed.
    pub content: Option<Vec<u8>>,
    /// The report's data key.
    pub key: Option<WrappedKey>,
}

macro_rules! run {
    ($row:expr) => {{
        let row = $row;
        EvidenceRun {
            id: RunId(row.run_id),
            monitor: MonitorId(row.monitor_id),
            schedule: row.name,
            slot: row.slot,
            trigger: row.trigger,
            due_at: row.due_at,
            started_at: row.started_at,
            recorded_at: row.recorded_at,
            duration_ms: row.duration_ms,
            outcome: row.outcome,
            findings: row.findings,
            changed: row.changed,
            failure: row.failure,
            account_version: row.account_version,
            basis: row.detail,
            content: row.sealed_content,
            key: match (row.key_id, row.master_key_id, row.wrapped) {
                (Some(key_id), Some(master_key_id), Some(wrapped)) => {
                    Some(WrappedKey { key_id, master_key_id, wrapped })
                }
                _ => None,
            },
        }
    }};
}

/// The runs of an account that were recorded in a period, the oldest first; after one, when it is named.
pub async fn list_runs(
    conn: &mut PgConnection,
    account: AccountId,
    period: Period,
    after: (DateTime<Utc>, Uuid),
    limit: i64,
) -> Result<Vec<EvidenceRun>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select run.run_id as "run_id!", run.monitor_id as "monitor_id!", schedule.name, run.slot as "slot!",
               run.trigger as "trigger!", run.due_at as "due_at!", run.started_at as "started_at!",
               run.recorded_at as "recorded_at!", run.duration_ms as "duration_ms!", run.outcome as "outcome!",
               run.findings as "findings!", run.changed as "changed!", run.failure,
               run.account_version as "account_version!", basis.detail, run.sealed_content,
               kept.key_id as "key_id?", kept.master_key_id as "master_key_id?", kept.wrapped as "wrapped?"
        from monitors as monitor
        join schedules as schedule using (schedule_id)
        cross join lateral (
            select * from whole_runs as run
            where run.monitor_id = monitor.monitor_id
              and run.recorded_at >= $2
              and run.recorded_at < $3
              and (run.recorded_at, run.run_id) > ($4, $5)
        ) as run
        join run_bases as basis using (basis_id)
        left join data_keys as kept on kept.shard = monitor.shard and kept.object_id = monitor.monitor_id
        where monitor.account_id = $1
        order by run.recorded_at, run.run_id
        limit $6
        "#,
        account.0,
        period.from,
        period.until,
        after.0,
        after.1,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| run!(row)).collect())
}

/// The run of an account that has this id, if it is kept whole.
pub async fn find_run(
    conn: &mut PgConnection,
    account: AccountId,
    run: RunId,
) -> Result<Option<EvidenceRun>, StoreError> {
    // A run is recorded soon after it got its id: only those months are looked at.
    let millis = i64::try_from(id::made_at_millis(run.0)).unwrap_or(i64::MAX);
    let Some(made_at) = DateTime::from_timestamp_millis(millis) else { return Ok(None) };
    let row = sqlx::query!(
        r#"
        select run.run_id as "run_id!", run.monitor_id as "monitor_id!", schedule.name, run.slot as "slot!",
               run.trigger as "trigger!", run.due_at as "due_at!", run.started_at as "started_at!",
               run.recorded_at as "recorded_at!", run.duration_ms as "duration_ms!", run.outcome as "outcome!",
               run.findings as "findings!", run.changed as "changed!", run.failure,
               run.account_version as "account_version!", basis.detail, run.sealed_content,
               kept.key_id as "key_id?", kept.master_key_id as "master_key_id?", kept.wrapped as "wrapped?"
        from monitors as monitor
        join schedules as schedule using (schedule_id)
        join whole_runs as run on run.monitor_id = monitor.monitor_id
        join run_bases as basis using (basis_id)
        left join data_keys as kept on kept.shard = monitor.shard and kept.object_id = monitor.monitor_id
        where monitor.account_id = $1
          and run.run_id = $2
          and run.recorded_at between $3 and $4
        limit 1
        "#,
        account.0,
        run.0,
        made_at.checked_sub_signed(TimeDelta::days(1)).unwrap_or(made_at),
        made_at.checked_add_signed(TimeDelta::days(7)).unwrap_or(made_at),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| run!(row)))
}

/// What the last run of a monitor up to a slot kept of its question and answer, sealed.
pub async fn find_content(
    conn: &mut PgConnection,
    monitor: MonitorId,
    slot: i64,
) -> Result<Option<Vec<u8>>, StoreError> {
    let sealed = sqlx::query_scalar!(
        r#"
        select sealed_content as "sealed_content!"
        from whole_runs
        where monitor_id = $1
          and slot <= $2
          and sealed_content is not null
        order by slot desc
        limit 1
        "#,
        monitor.0,
        slot,
    )
    .fetch_optional(conn)
    .await?;
    Ok(sealed)
}

/// A monitor, or an account without any, that has no answer of a period.
#[derive(Debug)]
pub struct Unscreened {
    /// The account.
    pub account: AccountId,
    /// The customer's own id of it.
    pub reference_id: Option<String>,
    /// The account's type.
    pub account_type: AccountTypeId,
    /// The schedule; none when no schedule watches the account.
    pub schedule: Option<String>,
    /// Why: a word, or two with a colon between.
    pub reason: String,
}

/// The monitors of a shard that had no answer in a period, with the reason; and how many had one, by schedule. Of months
/// that are kept as lines whole days count.
///
/// One shard at a time, so that no statement reads all monitors at once.
pub async fn list_unscreened(
    conn: &mut PgConnection,
    shard: Shard,
    period: Period,
    schedule: Option<&str>,
) -> Result<(Vec<Unscreened>, Vec<(String, i64)>), StoreError> {
    let rows = sqlx::query!(
        r#"
        with looked as (
            select monitor.shard, monitor.monitor_id, monitor.account_id, monitor.schedule_id, account.account_type_id,
                   account.reference_id, monitor.resume_at, monitor.slot_floor,
                   -- How it stands now counts where it stood so before the period was over.
                   case when monitor.state_changed_at < $3 then monitor.state else 'active' end as state,
                   monitor.state_reason,
                   account.archived_at < $3 as is_archived,
                   account.redacted_version = account.version and account.redacted_at < $3 as is_empty
            from monitors as monitor
            -- A report of an account that became another's keeps its shard.
            join accounts as account
                on account.shard = shard_of(monitor.account_id)
               and account.account_id = monitor.account_id
            where monitor.shard = $1
              and monitor.created_at < $3
              and (monitor.state <> 'ended' or monitor.state_changed_at >= $2)
        ), answered as (
            -- By month and monitor: the index of each month's partition.
            select distinct run.monitor_id
            from looked
            join whole_runs as run using (monitor_id)
            where run.recorded_at >= $2
              and run.recorded_at < $3
              and run.outcome in ('clear', 'match')
            union
            -- Of months that are a line, the days of the period on which there were runs.
            select line.monitor_id
            from looked
            join run_months as line using (monitor_id)
            cross join lateral (
                select greatest(0, ($2 at time zone 'utc')::date - line.month) as first,
                       least(30, (($3 - interval '1 microsecond') at time zone 'utc')::date - line.month) as last
            ) as day
            where line.last_at >= $2
              and line.first_at < $3
              and day.first <= day.last
              and exists (
                  select from unnest(line.basis_days) as ran (days)
                  where ran.days::bigint & ((1::bigint << (day.last + 1)) - (1::bigint << day.first)) <> 0
              )
        )
        select looked.account_id, looked.account_type_id, looked.reference_id, schedule.name,
               case
                   when answered.monitor_id is not null then null
                   when looked.is_archived then 'archived'
                   when looked.is_empty then 'redacted'
                   when looked.state = 'ended' then 'no-longer-selected'
                   when looked.state <> 'active' then
                       looked.state || coalesce(':' || looked.state_reason, '')
                   when failed.failure is not null then 'errored:' || failed.failure
                   -- What ran later says when it was to run; what did not, when it is to run; what stopped after the
                   -- period, when it was to run then.
                   when coalesce(later.due_at, due.due_at, due.next_run_at, looked.resume_at) >= $3
                    and (later.due_at is not null or coalesce(due.attempts, 0) = 0) then 'not-due'
                   -- What stopped begins above the slot that it had.
                   when coalesce(later.slot, due.slot, looked.slot_floor - 1) = 0 then 'never-run'
                   when later.due_at is null and due.attempts > 0 then 'failing'
                   else 'overdue'
               end as reason
        from looked
        join schedules as schedule using (schedule_id)
        left join answered using (monitor_id)
        left join monitor_due as due on due.shard = looked.shard and due.monitor_id = looked.monitor_id
        left join lateral (
            select run.failure
            from whole_runs as run
            where answered.monitor_id is null
              and run.monitor_id = looked.monitor_id
              and run.recorded_at >= $2
              and run.recorded_at < $3
              and run.outcome = 'error'
            order by run.slot desc
            limit 1
        ) as failed on true
        left join lateral (
            select run.slot, run.due_at
            from whole_runs as run
            where answered.monitor_id is null
              and run.monitor_id = looked.monitor_id
              and run.recorded_at >= $3
              and run.outcome <> 'superseded'
            order by run.slot
            limit 1
        ) as later on true
        where ($4::text is null or schedule.name = $4)
        order by looked.account_id
        "#,
        shard.column(),
        period.from,
        period.until,
        schedule,
    )
    .fetch_all(conn)
    .await?;
    let mut screened: std::collections::BTreeMap<String, i64> = std::collections::BTreeMap::new();
    let mut unscreened = Vec::new();
    for row in rows {
        match row.reason {
            None => *screened.entry(row.name).or_default() += 1,
            Some(reason) => unscreened.push(Unscreened {
                account: AccountId(row.account_id),
                reference_id: row.reference_id,
                account_type: AccountTypeId(row.account_type_id),
                schedule: Some(row.name),
                reason,
            }),
        }
    }
    Ok((unscreened, screened.into_iter().collect()))
}

/// The accounts of a shard that no schedule watched in a period, with the reason.
pub async fn list_unwatched(
    conn: &mut PgConnection,
    shard: Shard,
    period: Period,
) -> Result<Vec<Unscreened>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select account.account_id, account.account_type_id, account.reference_id,
               case
                   when account.archived_at < $3 then 'archived'
                   when account.redacted_version = account.version and account.redacted_at < $3 then 'redacted'
                   else 'in-no-schedule'
               end as "reason!"
        from accounts as account
        where account.shard = $1
          and account.created_at < $3
          and (account.archived_at is null or account.archived_at >= $2)
          and not exists (
              select from monitors as monitor
              where monitor.account_id = account.account_id
                and monitor.created_at < $3
                and (monitor.state <> 'ended' or monitor.state_changed_at >= $2)
          )
        order by account.account_id
        "#,
        shard.column(),
        period.from,
        period.until,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Unscreened {
            account: AccountId(row.account_id),
            reference_id: row.reference_id,
            account_type: AccountTypeId(row.account_type_id),
            schedule: None,
            reason: row.reason,
        })
        .collect())
}
