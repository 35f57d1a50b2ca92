//! Due rows: the walk that finds them, the load of what their runs need, and the compare-and-set
//! that makes a recorded run count exactly once.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

mod placed;

pub use placed::{Placed, list_of_page, list_placed, save_earlier, save_lane};

use super::{StoreError, providers::Lane};
use crate::{
    domain::{
        id::{AccountId, AccountTypeId, MonitorId, Shard},
        monitor::Trigger,
    },
    vault::WrappedKey,
};

/// The number of the schedule in rows that do not name theirs yet.
pub const UNNAMED: i32 = 0;

/// A monitor that is to run, as the walk found it. The run answers exactly this slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The monitor.
    pub monitor: MonitorId,
    /// The number of its schedule; 0 while enrolment has not noted it.
    pub schedule_id: i32,
    /// When it is to run.
    pub at: DateTime<Utc>,
    /// Since when it is due: earlier, where an attempt was put off.
    pub since: DateTime<Utc>,
    /// Why; none for its interval.
    pub reason: Option<Trigger>,
    /// Counts its recorded runs: the fence.
    pub slot: i64,
    /// Counts the reasons to run again.
    pub wanted: i64,
    /// Failed attempts at this slot.
    pub attempts: i16,
    /// Digest of the last answer; none when that was clear.
    pub last_digest: Option<Vec<u8>>,
}

pub(super) struct DueRow {
    pub(super) shard: i16,
    pub(super) monitor_id: Uuid,
    pub(super) schedule_id: i32,
    pub(super) next_run_at: DateTime<Utc>,
    pub(super) slot: i64,
    pub(super) wanted: i64,
    pub(super) attempts: i16,
    pub(super) last_digest: Option<Vec<u8>>,
    pub(super) due_at: Option<DateTime<Utc>>,
    pub(super) reason: Option<String>,
}

impl From<DueRow> for Due {
    fn from(row: DueRow) -> Self {
        let monitor = MonitorId(row.monitor_id);
        debug_assert_eq!(monitor.shard().column(), row.shard, "an id's shard is its row's");
        Self {
            monitor,
            schedule_id: row.schedule_id,
            at: row.next_run_at,
            since: row.due_at.unwrap_or(row.next_run_at),
            reason: row.reason.as_deref().and_then(Trigger::from_word),
            slot: row.slot,
            wanted: row.wanted,
            attempts: row.attempts,
            last_digest: row.last_digest,
        }
    }
}

/// Where the walk of a schedule's due rows in a shard stands: it continues after this time and monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The time.
    pub at: DateTime<Utc>,
    /// The monitor, among those of the same time.
    pub monitor: Uuid,
}

impl Mark {
    /// Before everything.
    pub const START: Self = Self { at: DateTime::<Utc>::UNIX_EPOCH, monitor: Uuid::nil() };
}

/// The next due rows of a lane, of each schedule and shard at most `per_mark` after its mark.
///
/// One descent of the due index a mark; dead entries behind the marks are not read.
pub async fn list_after(
    conn: &mut PgConnection,
    lane: Lane,
    marks: &[(i32, Shard, Mark)],
    now: DateTime<Utc>,
    per_mark: i64,
) -> Result<Vec<Due>, StoreError> {
    let schedules: Vec<i32> = marks.iter().map(|(schedule, _, _)| *schedule).collect();
    let shards: Vec<i16> = marks.iter().map(|(_, shard, _)| shard.column()).collect();
    let times: Vec<DateTime<Utc>> = marks.iter().map(|(_, _, mark)| mark.at).collect();
    let monitors: Vec<Uuid> = marks.iter().map(|(_, _, mark)| mark.monitor).collect();
    let rows = sqlx::query_as!(
        DueRow,
        r#"
        select due.shard, due.monitor_id, due.schedule_id, due.next_run_at, due.slot, due.wanted, due.attempts,
               due.last_digest, due.due_at, due.reason
        from unnest($1::smallint[], $2::timestamptz[], $3::uuid[], $7::integer[])
             as mark (shard, at, monitor_id, schedule_id)
        cross join lateral (
            select *
            from monitor_due
            where monitor_due.shard = mark.shard
              and monitor_due.lane = $4
              and monitor_due.schedule_id = mark.schedule_id
              and (monitor_due.next_run_at, monitor_due.monitor_id) > (mark.at, mark.monitor_id)
              and monitor_due.next_run_at <= $5
            order by monitor_due.next_run_at, monitor_due.monitor_id
            limit $6
        ) as due
        "#,
        &shards,
        &times,
        &monitors,
        lane,
        now,
        per_mark,
        &schedules,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Due::from).collect())
}

/// The due rows of an account's active monitors, whether their time has come or not, with their
/// schedules.
pub async fn list_of_account(conn: &mut PgConnection, account: AccountId) -> Result<Vec<Due>, StoreError> {
    let rows = sqlx::query_as!(
        DueRow,
        r#"
        select due.shard, due.monitor_id, due.schedule_id, due.next_run_at, due.slot, due.wanted, due.attempts,
               due.last_digest, due.due_at, due.reason
        from monitors as monitor
        join monitor_due as due using (shard, monitor_id)
        where monitor.account_id = $1
        order by due.monitor_id
        "#,
        account.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Due::from).collect())
}

/// Locks the due rows of monitors, in the order that everybody locks them in.
pub async fn lock(conn: &mut PgConnection, monitors: &[MonitorId]) -> Result<(), StoreError> {
    let shards: Vec<i16> = monitors.iter().map(|monitor| monitor.shard().column()).collect();
    let ids: Vec<Uuid> = monitors.iter().map(|monitor| monitor.0).collect();
    sqlx::query!(
        r#"
        select due.monitor_id
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, monitor_id)
        join monitor_due as due using (shard, monitor_id)
        order by due.shard, due.monitor_id
        for update of due
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// What a run needs to know of its monitor and account.
#[derive(Debug)]
pub struct Loaded {
    /// The monitor.
    pub monitor: MonitorId,
    /// Its schedule.
    pub schedule_id: i32,
    /// Its account.
    pub account: AccountId,
    /// The account's type.
    pub account_type: AccountTypeId,
    /// The account's data version.
    pub account_version: i64,
    /// The account's plain fields.
    pub fields: Value,
    /// The account's sealed fields and the key that opens them.
    pub sealed: Option<(Vec<u8>, WrappedKey)>,
    /// Whom the report asks about instead of the account, sealed, and the key that opens it.
    pub query: Option<(Vec<u8>, Option<WrappedKey>)>,
}

/// Loads what the runs of `monitors` need. A monitor that is gone or stopped is left out.
pub async fn load(conn: &mut PgConnection, monitors: &[MonitorId]) -> Result<Vec<Loaded>, StoreError> {
    let shards: Vec<i16> = monitors.iter().map(|monitor| monitor.shard().column()).collect();
    let ids: Vec<Uuid> = monitors.iter().map(|monitor| monitor.0).collect();
    let rows = sqlx::query!(
        r#"
        select monitor.monitor_id, monitor.schedule_id, account.account_id, account.account_type_id, account.version,
               account.fields, account.sealed_fields, kept.key_id as "key_id?",
               kept.master_key_id as "master_key_id?", kept.wrapped as "wrapped?", monitor.sealed_query,
               own.key_id as "own_key_id?", own.master_key_id as "own_master_key_id?", own.wrapped as "own_wrapped?"
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, monitor_id)
        join monitors as monitor
            on monitor.shard = wanted.shard
           and monitor.monitor_id = wanted.monitor_id
           and monitor.state = 'active'
        join accounts as account
            on account.shard = shard_of(monitor.account_id)
           and account.account_id = monitor.account_id
        left join data_keys as kept
            on kept.shard = account.shard
           and kept.object_id = account.account_id
        left join data_keys as own
            on own.shard = monitor.shard
           -- Few have a question of their own: for the others this looks nowhere.
           and own.object_id = case when monitor.sealed_query is not null then monitor.monitor_id end
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Loaded {
            monitor: MonitorId(row.monitor_id),
            schedule_id: row.schedule_id,
            account: AccountId(row.account_id),
            account_type: AccountTypeId(row.account_type_id),
            account_version: row.version,
            fields: row.fields,
            sealed: match (row.sealed_fields, row.key_id, row.master_key_id, row.wrapped) {
                (Some(sealed), Some(key_id), Some(master_key_id), Some(wrapped)) => {
                    Some((sealed, WrappedKey { key_id, master_key_id, wrapped }))
                }
                _ => None,
            },
            query: row.sealed_query.map(|sealed| {
                let key = row.own_key_id.zip(row.own_master_key_id).zip(row.own_wrapped);
                let key = key.map(|((key_id, master_key_id), wrapped)| WrappedKey {
                    key_id,
                    master_key_id,
                    wrapped,
                });
                (sealed, key)
            }),
        })
        .collect())
}

/// A failed attempt: when to try again.
#[derive(Debug)]
pub struct Postponed {
    /// The monitor.
    pub monitor: MonitorId,
    /// The slot that the attempt was at.
    pub slot: i64,
    /// The reasons to run that it saw.
    pub wanted: i64,
    /// When to try again.
    pub until: DateTime<Utc>,
    /// How many attempts at the slot have failed, this one included if it counts.
    pub attempts: i16,
}

/// Puts failed attempts off, where their slots still stand. What is urgent stays so, and a reason to run
/// that arrived during the attempt is not put off with it.
pub async fn save_postponed(conn: &mut PgConnection, postponed: &[Postponed]) -> Result<(), StoreError> {
    let shards: Vec<i16> = postponed.iter().map(|one| one.monitor.shard().column()).collect();
    let ids: Vec<Uuid> = postponed.iter().map(|one| one.monitor.0).collect();
    let slots: Vec<i64> = postponed.iter().map(|one| one.slot).collect();
    let wanted: Vec<i64> = postponed.iter().map(|one| one.wanted).collect();
    let times: Vec<DateTime<Utc>> = postponed.iter().map(|one| one.until).collect();
    let attempts: Vec<i16> = postponed.iter().map(|one| one.attempts).collect();
    sqlx::query!(
        r#"
        update monitor_due as due
        set next_run_at = attempt.until,
            due_at = coalesce(due.due_at, due.next_run_at),
            -- Not counted up from the row: a statement tried again must not count twice.
            attempts = attempt.attempts
        from unnest($1::smallint[], $2::uuid[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::smallint[])
             as attempt (shard, monitor_id, slot, wanted, until, attempts)
        where due.shard = attempt.shard
          and due.monitor_id = attempt.monitor_id
          and due.slot = attempt.slot
          and due.wanted = attempt.wanted
        "#,
        &shards,
        &ids,
        &slots,
        &wanted,
        &times,
        &attempts,
    )
    .execute(conn)
    .await?;
    Ok(())
}
