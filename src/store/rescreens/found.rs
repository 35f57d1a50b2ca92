//! Whom a rescreen concerns, and their monitors.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    domain::id::{AccountId, MonitorId, RescreenId},
    store::StoreError,
};

/// Adds the accounts that have a hit, which is not gone, of one of `entities`, the next of the rescreen's: whatever else it
/// was compared with, the change concerns it.
pub async fn find_accounts_of_entities(
    conn: &mut PgConnection,
    id: RescreenId,
    entities: &[String],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        with found as (
            insert into rescreen_accounts (rescreen_id, account_id)
            select distinct $1::uuid, account_id
            from hits
            where entity = any($2)
              and state <> 'gone'
            on conflict on constraint rescreen_accounts_pkey do update
            set concerned = true
            where not rescreen_accounts.concerned
            returning account_id
        )
        update rescreens
        set accounts = accounts + (select count(*) from found),
            entities_done = entities_done + $3
        where rescreen_id = $1
        "#,
        id.0,
        entities,
        i32::try_from(entities.len()).unwrap_or(i32::MAX),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Has those of monitors that are paused run at once when they are resumed: they miss what is due now.
pub async fn save_missed(
    conn: &mut PgConnection,
    monitors: &[MonitorId],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (shards, ids) = columns(monitors);
    sqlx::query!(
        r#"
        update monitors as monitor
        set resume_at = $3
        from unnest($1::smallint[], $2::uuid[]) as missed (shard, monitor_id)
        where monitor.shard = missed.shard
          and monitor.monitor_id = missed.monitor_id
          and monitor.state = 'paused'
          and monitor.resume_at > $3
        "#,
        &shards,
        &ids,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Those of monitors that are active and ran before.
pub async fn list_ran(conn: &mut PgConnection, monitors: &[MonitorId]) -> Result<Vec<MonitorId>, StoreError> {
    let (shards, ids) = columns(monitors);
    let ran = sqlx::query_scalar!(
        r#"
        select due.monitor_id
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, monitor_id)
        join monitor_due as due using (shard, monitor_id)
        where due.slot > 0
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(ran.into_iter().map(MonitorId).collect())
}

fn columns(monitors: &[MonitorId]) -> (Vec<i16>, Vec<Uuid>) {
    monitors.iter().map(|monitor| (monitor.shard().column(), monitor.0)).unzip()
}

/// Notes the accounts that have one of `tokens`, the next of the rescreen's. Returns those that are new.
pub async fn find_accounts(
    conn: &mut PgConnection,
    id: RescreenId,
    tokens: &[i64],
) -> Result<Vec<AccountId>, StoreError> {
    let found = sqlx::query_scalar!(
        r#"
        insert into rescreen_accounts (rescreen_id, account_id)
        -- As a subquery, so that the plan does not go by how many they are: thousands would have the whole table read.
        select $1, account_id from screening_keys where tokens && (select $2::bigint[])
        on conflict do nothing
        returning account_id
        "#,
        id.0,
        tokens,
    )
    .fetch_all(&mut *conn)
    .await?;
    sqlx::query!(
        "update rescreens set tokens_done = tokens_done + $2, accounts = accounts + $3 where rescreen_id = $1",
        id.0,
        i32::try_from(tokens.len()).unwrap_or(i32::MAX),
        i64::try_from(found.len()).unwrap_or(i64::MAX),
    )
    .execute(conn)
    .await?;
    Ok(found.into_iter().map(AccountId).collect())
}

/// Notes which of the accounts that were found, of which `compared` were compared, could match nothing that came.
pub async fn clear_accounts(
    conn: &mut PgConnection,
    id: RescreenId,
    compared: usize,
    cleared: &[AccountId],
) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = cleared.iter().map(|account| account.0).collect();
    sqlx::query!(
        r#"
        with cleared as (
            update rescreen_accounts
            set concerned = false
            where rescreen_id = $1 and account_id = any($2)
            returning account_id
        )
        update rescreens
        set compared = compared + $3,
            accounts = accounts - (select count(*) from cleared)
        where rescreen_id = $1
        "#,
        id.0,
        &ids,
        i64::try_from(compared).unwrap_or(i64::MAX),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How far the reading of all keys is, and what it found.
#[derive(Debug, Default)]
pub struct Read {
    /// The account that was read last; none when none was.
    pub to: Option<AccountId>,
    /// How many tokens are so looked up: all of the rescreen's, when all accounts were read.
    pub tokens: usize,
    /// How many accounts were compared with what came.
    pub compared: usize,
    /// Those whom it concerns.
    pub concerned: Vec<AccountId>,
}

/// Notes how far the reading of all keys is.
pub async fn save_read(conn: &mut PgConnection, id: RescreenId, read: &Read) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = read.concerned.iter().map(|account| account.0).collect();
    sqlx::query!(
        r#"
        with found as (
            insert into rescreen_accounts (rescreen_id, account_id)
            select $1::uuid, account_id from unnest($2::uuid[]) as found (account_id)
            on conflict do nothing
            returning account_id
        )
        update rescreens
        set accounts = accounts + (select count(*) from found),
            compared = compared + $3,
            read_to = coalesce($4, read_to),
            tokens_done = tokens_done + $5
        where rescreen_id = $1
        "#,
        id.0,
        &ids,
        i64::try_from(read.compared).unwrap_or(i64::MAX),
        read.to.map(|account| account.0),
        i32::try_from(read.tokens).unwrap_or(i32::MAX),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes a page of the accounts that were found, each with whether the change concerns it: the monitors of those are to be
/// woken in this transaction.
pub async fn take_accounts(
    conn: &mut PgConnection,
    id: RescreenId,
    limit: i64,
) -> Result<Vec<(AccountId, bool)>, StoreError> {
    let taken = sqlx::query!(
        r#"
        delete from rescreen_accounts
        where rescreen_id = $1
          and account_id in (
              select account_id from rescreen_accounts where rescreen_id = $1 order by account_id limit $2
          )
        returning account_id, concerned
        "#,
        id.0,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(taken.into_iter().map(|row| (AccountId(row.account_id), row.concerned)).collect())
}

/// The monitors of accounts that are of these schedules, whatever their state, but for those with a question of their
/// own.
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
        where monitor.schedule_id = any($2) and monitor.sealed_query is null
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
