//! Statuses of accounts, and which schedule set them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{domain::id::AccountId, store::StoreError};

/// Sets statuses of locked accounts, by a person or an import: no schedule takes them back.
pub async fn save_statuses(
    conn: &mut PgConnection,
    statuses: &[(AccountId, String)],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let shards: Vec<i16> = statuses.iter().map(|(id, _)| id.shard().column()).collect();
    let ids: Vec<Uuid> = statuses.iter().map(|(id, _)| id.0).collect();
    let words: Vec<String> = statuses.iter().map(|(_, status)| status.clone()).collect();
    sqlx::query!(
        r#"
        update accounts as account
        set status = change.status,
            status_changed_at =
                case when account.status <> change.status then $4 else account.status_changed_at end,
            status_schedule_id = null,
            updated_at = $4
        from unnest($1::smallint[], $2::uuid[], $3::text[]) as change (shard, account_id, status)
        where account.shard = change.shard
          and account.account_id = change.account_id
        "#,
        &shards,
        &ids,
        &words,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Sets the status of those locked accounts whose status is one of `from`, or was set by the schedule
/// `set_by`; `schedule` is then who set it. Returns which, and what their status was.
pub async fn save_status_where(
    conn: &mut PgConnection,
    ids: &[AccountId],
    (from, set_by): (&[String], Option<i32>),
    (status, schedule): (&str, Option<i32>),
    now: DateTime<Utc>,
) -> Result<Vec<(AccountId, String)>, StoreError> {
    let shards: Vec<i16> = ids.iter().map(|id| id.shard().column()).collect();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"
        with before as (
            select account.shard, account.account_id, account.status
            from accounts as account
            join unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id) using (shard, account_id)
            where (account.status = any($3) or account.status_schedule_id = $4)
              and account.status <> $5
        )
        update accounts as account
        set status = $5,
            status_changed_at = $7,
            status_schedule_id = $6,
            updated_at = $7
        from before
        where account.shard = before.shard
          and account.account_id = before.account_id
        returning account.account_id, before.status
        "#,
        &shards,
        &ids,
        from,
        set_by,
        status,
        schedule,
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (AccountId(row.account_id), row.status)).collect())
}

/// Hands the statuses of locked accounts that `schedule` set over to another of `heirs` that still has an open or
/// confirmed hit of the account, as `account_tags::list_settled` asks for it.
pub async fn save_status_heirs(
    conn: &mut PgConnection,
    ids: &[AccountId],
    schedule: i32,
    heirs: &[i32],
) -> Result<(), StoreError> {
    let shards: Vec<i16> = ids.iter().map(|id| id.shard().column()).collect();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    sqlx::query!(
        r#"
        update accounts as account
        set status_schedule_id = heir.schedule_id
        from (
            select distinct on (wanted.shard, wanted.account_id)
                   wanted.shard, wanted.account_id, hit.schedule_id
            from unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id)
            join hits as hit using (account_id)
            join monitors as monitor on monitor.shard = hit.shard and monitor.monitor_id = hit.monitor_id
            where hit.schedule_id = any($4)
              and hit.state in ('open', 'confirmed')
              and monitor.redacted_at is null
            order by wanted.shard, wanted.account_id, hit.schedule_id
        ) as heir
        where account.shard = heir.shard
          and account.account_id = heir.account_id
          and account.status_schedule_id = $3
        "#,
        &shards,
        &ids,
        schedule,
        heirs,
    )
    .execute(conn)
    .await?;
    Ok(())
}
