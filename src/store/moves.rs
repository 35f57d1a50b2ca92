//! What becomes of an account's reports when the account goes into another, or its personal data is destroyed.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::{
    id::{AccountId, MonitorId},
    monitor::MonitorState,
};

/// A report of an account.
#[derive(Debug)]
pub struct Held {
    /// The report.
    pub monitor: MonitorId,
    /// Its schedule.
    pub schedule_id: i32,
    /// Whether its schedule keeps it.
    pub by_schedule: bool,
    /// Its state.
    pub state: MonitorState,
    /// When it runs next; none without a due row.
    pub next_run_at: Option<DateTime<Utc>>,
    /// Whether its content was destroyed.
    pub is_redacted: bool,
}

/// All reports of an account.
pub async fn list_of_account(conn: &mut PgConnection, account: AccountId) -> Result<Vec<Held>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select monitor.monitor_id, monitor.schedule_id, coalesce(monitor.by_schedule, false) as "by_schedule!",
               monitor.state, due.next_run_at as "next_run_at?", monitor.redacted_at is not null as "is_redacted!"
        from monitors as monitor
        left join monitor_due as due using (shard, monitor_id)
        where monitor.account_id = $1
        order by monitor.shard, monitor.monitor_id
        "#,
        account.0,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Held {
                monitor: MonitorId(row.monitor_id),
                schedule_id: row.schedule_id,
                by_schedule: row.by_schedule,
                state: MonitorState::from_word(&row.state)
                    .ok_or(StoreError::Inconsistent { column: "monitors.state" })?,
                next_run_at: row.next_run_at,
                is_redacted: row.is_redacted,
            })
        })
        .collect()
}

/// Locks the due rows of all monitors of accounts, in the order that everybody locks them in.
pub async fn lock_due_of_accounts(conn: &mut PgConnection, accounts: &[AccountId]) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    sqlx::query!(
        r#"
        select due.monitor_id
        from monitors as monitor
        join monitor_due as due using (shard, monitor_id)
        where monitor.account_id = any($1)
        order by due.shard, due.monitor_id
        for update of due
        "#,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// Has no answer count any more that is under way about accounts: it was asked with what they no longer hold. Their due
/// rows are locked.
pub async fn supersede(conn: &mut PgConnection, accounts: &[AccountId]) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    sqlx::query!(
        r#"
        update monitor_due as due
        set slot = due.slot + 1
        from monitors as monitor
        where monitor.account_id = any($1)
          and due.shard = monitor.shard
          and due.monitor_id = monitor.monitor_id
        "#,
        &ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The reports of accounts that no schedule keeps, and that are not redacted.
pub async fn list_unkept(
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Vec<MonitorId>, StoreError> {
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let ids = sqlx::query_scalar!(
        r#"
        select monitor_id from monitors
        where account_id = any($1)
          and by_schedule is not true
          and redacted_at is null
        order by shard, monitor_id
        "#,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(MonitorId).collect())
}

/// Those of monitors that ask about their account as it stands.
pub async fn list_asking_about_accounts(
    conn: &mut PgConnection,
    monitors: &[MonitorId],
) -> Result<Vec<MonitorId>, StoreError> {
    let (shards, ids) = columns(monitors);
    let asking = sqlx::query_scalar!(
        r#"
        select monitor.monitor_id
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, monitor_id)
        join monitors as monitor using (shard, monitor_id)
        where monitor.sealed_query is null
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(asking.into_iter().map(MonitorId).collect())
}

/// Has schedules no longer keep monitors: each makes another, if it still selects the account.
pub async fn save_unkept(conn: &mut PgConnection, monitors: &[MonitorId]) -> Result<(), StoreError> {
    let (shards, ids) = columns(monitors);
    sqlx::query!(
        r#"
        update monitors as monitor
        set by_schedule = null
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, monitor_id)
        where monitor.shard = wanted.shard
          and monitor.monitor_id = wanted.monitor_id
        "#,
        &shards,
        &ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Moves the reports of an account, and their hits, to another, of whose screened data `subject` is the digest, where there
/// are any. An answer that is under way no longer counts: it was asked for about the account before.
pub async fn save_account(
    conn: &mut PgConnection,
    monitors: &[MonitorId],
    to: AccountId,
    subject: Option<[u8; 16]>,
) -> Result<(), StoreError> {
    let (shards, ids) = columns(monitors);
    sqlx::query!(
        r#"
        update monitor_due as due
        set slot = due.slot + 1
        from unnest($1::smallint[], $2::uuid[]) as moved (shard, monitor_id)
        where due.shard = moved.shard
          and due.monitor_id = moved.monitor_id
        "#,
        &shards,
        &ids,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        update monitors as monitor
        set account_id = $3
        from unnest($1::smallint[], $2::uuid[]) as moved (shard, monitor_id)
        where monitor.shard = moved.shard
          and monitor.monitor_id = moved.monitor_id
        "#,
        &shards,
        &ids,
        to.0,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        update hits as hit
        set account_id = $3,
            -- Whoever finds that two accounts are one knows that their data differ: no decision ends by that, and each
            -- rests from now on on what is known of both. What rested on no account's data does not now.
            subject_digest = case when hit.subject_digest is not null then $4::bytea end
        from unnest($1::smallint[], $2::uuid[]) as moved (shard, monitor_id)
        where hit.shard = moved.shard
          and hit.monitor_id = moved.monitor_id
        "#,
        &shards,
        &ids,
        to.0,
        subject.map(Vec::from),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Destroys what reports hold about people: their data keys, and all that is sealed under them. That they ran, when,
/// against what, and what was decided, stays.
pub async fn redact(
    conn: &mut PgConnection,
    monitors: &[MonitorId],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (shards, ids) = columns(monitors);
    sqlx::query!(
        r#"
        delete from data_keys as kept
        using unnest($1::smallint[], $2::uuid[]) as wanted (shard, monitor_id)
        where kept.shard = wanted.shard
          and kept.object_id = wanted.monitor_id
        "#,
        &shards,
        &ids,
    )
    .execute(&mut *conn)
    .await?;
    save_redacted(conn, monitors, now).await?;
    sqlx::query!(
        r#"
        update hit_comments as comment
        set sealed_text = null
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, monitor_id)
        join hits as hit using (shard, monitor_id)
        where comment.hit_id = hit.hit_id
        "#,
        &shards,
        &ids,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        update hits as hit
        set sealed_content = null, sealed_reason = null, subject_digest = null
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, monitor_id)
        where hit.shard = wanted.shard
          and hit.monitor_id = wanted.monitor_id
        "#,
        &shards,
        &ids,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update runs set sealed_content = null where monitor_id = any($1) and sealed_content is not null",
        &ids
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update kept_runs set sealed_content = null where monitor_id = any($1) and sealed_content is not null",
        &ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that reports are redacted, and destroys their questions: they are of no schedule any more.
pub async fn save_redacted(
    conn: &mut PgConnection,
    monitors: &[MonitorId],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (shards, ids) = columns(monitors);
    sqlx::query!(
        r#"
        update monitors as monitor
        set redacted_at = $3, sealed_query = null, by_schedule = null
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, monitor_id)
        where monitor.shard = wanted.shard
          and monitor.monitor_id = wanted.monitor_id
        "#,
        &shards,
        &ids,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Which of the accounts are archived.
pub async fn list_archived(
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Vec<AccountId>, StoreError> {
    let shards: Vec<i16> = accounts.iter().map(|account| account.shard().column()).collect();
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let archived = sqlx::query_scalar!(
        r#"
        select account.account_id
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id)
        join accounts as account using (shard, account_id)
        where account.archived_at is not null
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(archived.into_iter().map(AccountId).collect())
}

fn columns(monitors: &[MonitorId]) -> (Vec<i16>, Vec<Uuid>) {
    monitors.iter().map(|monitor| (monitor.shard().column(), monitor.0)).unzip()
}
