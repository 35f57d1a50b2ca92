//! Rescreens: why accounts are screened once more, which, and how far that is.

mod shown;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::id::{AccountId, MonitorId, RescreenId};
pub use shown::{RescreenRow, count_waiting, list};

/// Why accounts are screened once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A list changed.
    ListChange,
    /// A list came whose versions nobody knew.
    ListAdded,
    /// Somebody asked for it.
    Asked,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ListChange, Self::ListAdded, Self::Asked];

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ListChange => "list-change",
            Self::ListAdded => "list-added",
            Self::Asked => "asked",
        }
    }
}

/// How many entities differ between two versions of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that came.
    pub added: usize,
    /// Those that are different.
    pub changed: usize,
    /// Those that went.
    pub removed: usize,
    /// Ids that were merged into others.
    pub merged: usize,
}

/// A list's change, as a rescreen rests on it.
#[derive(Clone, Debug, Default)]
pub struct ListChange {
    /// The list.
    pub list: String,
    /// The number of the version after.
    pub number: i64,
    /// The version before; none when nobody knew any.
    pub before: Option<String>,
    /// The version after.
    pub after: String,
    /// What differs.
    pub counts: Counts,
}

/// A rescreen to begin.
#[derive(Debug)]
pub struct NewRescreen {
    /// Its id.
    pub id: RescreenId,
    /// Why.
    pub reason: Reason,
    /// The change that it rests on.
    pub change: Option<ListChange>,
    /// The schedules whose monitors run.
    pub schedules: Vec<i32>,
    /// Only those of accounts that have one of these tokens; all when none.
    pub tokens: Option<Vec<i64>>,
    /// The version of the keys that the tokens were made of.
    pub keys_version: i16,
    /// Whether hits that were dismissed under another threshold are opened again.
    pub reopens: bool,
    /// Who.
    pub actor: String,
}

/// Begins a rescreen.
pub async fn insert(
    conn: &mut PgConnection,
    new: &NewRescreen,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let column = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    let change = new.change.as_ref();
    let counts = change.map(|change| change.counts).unwrap_or_default();
    sqlx::query!(
        r#"
        insert into rescreens (
            rescreen_id, reason, list, number, version_before, version, added, changed, removed, merged,
            schedule_ids, is_complete, tokens, keys_version, actor, created_at, reopens
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
        "#,
        new.id.0,
        new.reason.word(),
        change.map(|change| change.list.as_str()),
        change.map(|change| change.number),
        change.and_then(|change| change.before.as_deref()),
        change.map(|change| change.after.as_str()),
        column(counts.added),
        column(counts.changed),
        column(counts.removed),
        column(counts.merged),
        &new.schedules,
        new.tokens.is_none(),
        new.tokens.as_deref().unwrap_or_default(),
        new.keys_version,
        new.actor,
        now,
        new.reopens,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The tokens of the changes of a list after `number`; none when one of them concerned every account.
pub async fn list_tokens_after(
    conn: &mut PgConnection,
    list: &str,
    number: i64,
) -> Result<Option<Vec<i64>>, StoreError> {
    let rows = sqlx::query!(
        "select is_complete, tokens from rescreens where list = $1 and number > $2",
        list,
        number,
    )
    .fetch_all(conn)
    .await?;
    if rows.is_empty() || rows.iter().any(|row| row.is_complete) {
        return Ok(None);
    }
    let mut tokens: Vec<i64> = rows.into_iter().flat_map(|row| row.tokens).collect();
    tokens.sort_unstable();
    tokens.dedup();
    Ok(Some(tokens))
}

/// A rescreen under way.
#[derive(Debug)]
pub struct Open {
    /// Its id.
    pub id: RescreenId,
    /// The schedules whose monitors run.
    pub schedules: Vec<i32>,
    /// Whether all of them do.
    pub is_complete: bool,
    /// The tokens that are not looked up yet, a page of them.
    pub tokens: Vec<i64>,
    /// The monitor that was woken last, in a complete one.
    pub place: Option<(i32, MonitorId)>,
    /// Whether a change of a list began it.
    pub is_of_list: bool,
    /// How many accounts were found so far.
    pub accounts: i64,
    /// Whether hits that were dismissed under another threshold are opened again.
    pub reopens: bool,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
}

/// The oldest rescreen that is not finished and that nobody else is at, with at most `limit` tokens; locked. A complete
/// one comes after those that somebody waits for; one whose tokens are of other keys than `keys_version` is complete.
pub async fn lock_next(
    conn: &mut PgConnection,
    keys_version: i16,
    limit: i32,
) -> Result<Option<Open>, StoreError> {
    let row = sqlx::query!(
        r#"
        select rescreen_id, schedule_ids, is_complete or keys_version <> $2 as "is_complete!",
               tokens[tokens_done + 1 : tokens_done + $1] as "tokens!",
               place_schedule, place_monitor, list is not null as "is_of_list!", accounts, reopens, created_at
        from rescreens
        where finished_at is null
        order by is_complete, created_at, rescreen_id
        limit 1
        for no key update skip locked
        "#,
        limit,
        keys_version,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Open {
        id: RescreenId(row.rescreen_id),
        schedules: row.schedule_ids,
        is_complete: row.is_complete,
        tokens: row.tokens,
        place: row.place_schedule.zip(row.place_monitor.map(MonitorId)),
        is_of_list: row.is_of_list,
        accounts: row.accounts,
        reopens: row.reopens,
        created_at: row.created_at,
    }))
}

/// Notes the accounts that have one of `tokens`, the next of the rescreen's. Returns how many are new.
pub async fn find_accounts(
    conn: &mut PgConnection,
    id: RescreenId,
    tokens: &[i64],
) -> Result<u64, StoreError> {
    let found = sqlx::query!(
        r#"
        insert into rescreen_accounts (rescreen_id, account_id)
        select $1, account_id from screening_keys where tokens && $2
        on conflict do nothing
        "#,
        id.0,
        tokens,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    sqlx::query!(
        "update rescreens set tokens_done = tokens_done + $2, accounts = accounts + $3 where rescreen_id = $1",
        id.0,
        i32::try_from(tokens.len()).unwrap_or(i32::MAX),
        i64::try_from(found).unwrap_or(i64::MAX),
    )
    .execute(conn)
    .await?;
    Ok(found)
}

/// Takes a page of the accounts that were found: their monitors are to be woken in this transaction.
pub async fn take_accounts(
    conn: &mut PgConnection,
    id: RescreenId,
    limit: i64,
) -> Result<Vec<AccountId>, StoreError> {
    let taken = sqlx::query_scalar!(
        r#"
        delete from rescreen_accounts
        where rescreen_id = $1
          and account_id in (
              select account_id from rescreen_accounts where rescreen_id = $1 order by account_id limit $2
          )
        returning account_id
        "#,
        id.0,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(taken.into_iter().map(AccountId).collect())
}

/// The active monitors of accounts that are of these schedules, but for those with a question of their own.
pub async fn list_monitors(
    conn: &mut PgConnection,
    accounts: &[AccountId],
    schedules: &[i32],
) -> Result<Vec<MonitorId>, StoreError> {
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let monitors = sqlx::query_scalar!(
        r#"
        select monitor.monitor_id
        from unnest($1::uuid[]) as wanted (account_id)
        join monitors as monitor using (account_id)
        where monitor.state = 'active' and monitor.schedule_id = any($2) and monitor.sealed_query is null
        "#,
        &ids,
        schedules,
    )
    .fetch_all(conn)
    .await?;
    Ok(monitors.into_iter().map(MonitorId).collect())
}

/// The next monitors of a schedule with a question of their own, whatever their state; and which of them are active and
/// ran before.
pub async fn list_questions_after(
    conn: &mut PgConnection,
    schedule: i32,
    after: Option<MonitorId>,
    limit: i64,
) -> Result<Vec<(MonitorId, bool)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select page.monitor_id,
               exists (
                   select from monitor_due as due
                   where due.shard = page.shard and due.monitor_id = page.monitor_id and due.slot > 0
               ) as "ran!"
        from (
            select shard, monitor_id from monitors
            where schedule_id = $1 and sealed_query is not null and (shard, monitor_id) > ($2, $3)
            order by shard, monitor_id
            limit $4
        ) as page
        order by page.shard, page.monitor_id
        "#,
        schedule,
        after.map_or(-1, |monitor| monitor.shard().column()),
        after.map_or(Uuid::nil(), |monitor| monitor.0),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (MonitorId(row.monitor_id), row.ran)).collect())
}

/// The next monitors of a schedule after one, whatever their state; and which of them are active and ran before.
pub async fn list_monitors_after(
    conn: &mut PgConnection,
    schedule: i32,
    after: Option<MonitorId>,
    limit: i64,
) -> Result<Vec<(MonitorId, bool)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select page.monitor_id,
               exists (
                   select from monitor_due as due
                   where due.shard = page.shard and due.monitor_id = page.monitor_id and due.slot > 0
               ) as "ran!"
        from (
            select shard, monitor_id from monitors
            where schedule_id = $1 and (shard, monitor_id) > ($2, $3)
            order by shard, monitor_id
            limit $4
        ) as page
        order by page.shard, page.monitor_id
        "#,
        schedule,
        after.map_or(-1, |monitor| monitor.shard().column()),
        after.map_or(Uuid::nil(), |monitor| monitor.0),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (MonitorId(row.monitor_id), row.ran)).collect())
}

/// Notes how far a rescreen is: so many monitors more were woken, and hits opened again, up to `place`.
pub async fn save_progress(
    conn: &mut PgConnection,
    id: RescreenId,
    (woken, reopened): (usize, usize),
    place: Option<(i32, MonitorId)>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update rescreens
        set monitors = monitors + $2,
            reopened = reopened + $5,
            place_schedule = coalesce($3, place_schedule),
            place_monitor = coalesce($4, place_monitor)
        where rescreen_id = $1
        "#,
        id.0,
        i64::try_from(woken).unwrap_or(i64::MAX),
        place.map(|(schedule, _)| schedule),
        place.map(|(_, monitor)| monitor.0),
        i64::try_from(reopened).unwrap_or(i64::MAX),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that every monitor is woken.
pub async fn save_finished(
    conn: &mut PgConnection,
    id: RescreenId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!("update rescreens set finished_at = $2 where rescreen_id = $1", id.0, now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether any monitor that is active ran before.
pub async fn has_any_run(conn: &mut PgConnection) -> Result<bool, StoreError> {
    let ran = sqlx::query_scalar!(r#"select exists (select from monitor_due where slot > 0) as "ran!""#)
        .fetch_one(conn)
        .await?;
    Ok(ran)
}
