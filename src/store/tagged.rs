//! What besides accounts has tags: transactions by number, inquiries and reports by name. What happens to a tag
//! happens to them too.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::StoreError;
use crate::domain::id::{AccountId, InquiryId, MonitorId, TransactionId};

/// A tag's former name, and what inquiries and reports are to have instead.
#[derive(Debug)]
pub struct Rename {
    /// The former name.
    pub from: String,
    /// What takes its place.
    pub to: String,
    /// Whether that is another tag; else the same under another name.
    pub is_merge: bool,
}

/// Notes that inquiries and reports are to have another name instead of this. What was to have this name is to have
/// the other, too.
pub async fn insert_rename(
    conn: &mut PgConnection,
    rename: &Rename,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!("update tag_renames set to_name = $2 where to_name = $1", rename.from, rename.to)
        .execute(&mut *conn)
        .await?;
    sqlx::query!(
        r#"
        insert into tag_renames as kept (from_name, to_name, is_merge, created_at)
        values ($1, $2, $3, $4)
        on conflict on constraint tag_renames_pkey do update
        set to_name = excluded.to_name,
            is_merge = excluded.is_merge
        "#,
        rename.from,
        rename.to,
        rename.is_merge,
        now,
    )
    .execute(&mut *conn)
    .await?;
    // Who has its first name again has it.
    sqlx::query!("delete from tag_renames where from_name = to_name or from_name = $1", rename.to)
        .execute(conn)
        .await?;
    Ok(())
}

/// A rename that is under way, for this transaction alone; the oldest that nobody sees to.
pub async fn lock_rename(conn: &mut PgConnection) -> Result<Option<Rename>, StoreError> {
    let row = sqlx::query!(
        "select from_name, to_name, is_merge from tag_renames order by created_at, from_name limit 1 for update skip locked",
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Rename { from: row.from_name, to: row.to_name, is_merge: row.is_merge }))
}

/// Whether renames are under way.
pub async fn has_renames(conn: &mut PgConnection) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(r#"select exists (select from tag_renames) as "is_there!""#)
        .fetch_one(conn)
        .await?)
}

/// Forgets a rename that is done.
pub async fn remove_rename(conn: &mut PgConnection, from: &str) -> Result<(), StoreError> {
    sqlx::query!("delete from tag_renames where from_name = $1", from).execute(conn).await?;
    Ok(())
}

/// Has some inquiries that have a tag have another instead, once. Returns them with their accounts.
pub async fn rename_in_inquiries(
    conn: &mut PgConnection,
    rename: &Rename,
    limit: i64,
) -> Result<Vec<(InquiryId, Option<AccountId>)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        with chosen as (
            select shard, inquiry_id
            from inquiries
            where tags @> array[$1::text]
            order by shard, inquiry_id
            limit $3
            for no key update
        )
        update inquiries
        set tags = array(
            select distinct name collate "C" from unnest(array_replace(tags, $1::text, $2::text)) as name order by 1)
        from chosen
        where inquiries.shard = chosen.shard
          and inquiries.inquiry_id = chosen.inquiry_id
        returning inquiries.inquiry_id, inquiries.account_id
        "#,
        rename.from,
        rename.to,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (InquiryId(row.inquiry_id), row.account_id.map(AccountId))).collect())
}

/// Has some reports that have a tag have another instead, once. Returns them with their accounts.
pub async fn rename_in_reports(
    conn: &mut PgConnection,
    rename: &Rename,
    limit: i64,
) -> Result<Vec<(MonitorId, AccountId)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        with chosen as (
            select shard, monitor_id
            from monitors
            where tags @> array[$1::text]
            order by shard, monitor_id
            limit $3
            for no key update
        )
        update monitors
        set tags = array(
            select distinct name collate "C" from unnest(array_replace(tags, $1::text, $2::text)) as name order by 1)
        from chosen
        where monitors.shard = chosen.shard
          and monitors.monitor_id = chosen.monitor_id
        returning monitors.monitor_id, monitors.account_id
        "#,
        rename.from,
        rename.to,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (MonitorId(row.monitor_id), AccountId(row.account_id))).collect())
}

/// Gives some transactions one tag for another. Returns those that had it.
pub async fn move_transactions(
    conn: &mut PgConnection,
    from: i32,
    to: i32,
    limit: i64,
) -> Result<Vec<TransactionId>, StoreError> {
    let moved = sqlx::query_scalar!(
        r#"
        with chosen as (
            select kept.shard, kept.transaction_id
            from transaction_tags as kept
            join transactions using (shard, transaction_id)
            where kept.tag_id = $1
            order by kept.shard, kept.transaction_id
            limit $3
            -- Whoever tags one meanwhile waits, and then sees this.
            for no key update of transactions
        ), gone as (
            delete from transaction_tags as kept
            using chosen
            where kept.shard = chosen.shard
              and kept.transaction_id = chosen.transaction_id
              and kept.tag_id = $1
            returning kept.shard, kept.transaction_id, kept.set_at
        ), given as (
            insert into transaction_tags (shard, transaction_id, tag_id, set_at)
            select shard, transaction_id, $2, set_at from gone
            on conflict on constraint transaction_tags_pkey do nothing
        )
        select transaction_id as "transaction_id!" from gone
        "#,
        from,
        to,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(moved.into_iter().map(TransactionId).collect())
}

/// Locks a report: whoever else changes its tags waits.
pub async fn lock_report(conn: &mut PgConnection, id: MonitorId) -> Result<(), StoreError> {
    sqlx::query!(
        "select monitor_id from monitors where shard = $1 and monitor_id = $2 for no key update",
        id.shard().column(),
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(())
}
