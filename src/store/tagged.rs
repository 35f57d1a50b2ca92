//! What besides accounts has tags: transactions by number, inquiries and reports by name. What happens to a tag
//! happens to them too.

use sqlx::PgConnection;

use super::StoreError;
use crate::domain::id::{AccountId, InquiryId, MonitorId, TransactionId};

/// Has inquiries that have a tag have another instead, once. Returns them with their accounts.
pub async fn rename_in_inquiries(
    conn: &mut PgConnection,
    from: &str,
    to: &str,
) -> Result<Vec<(InquiryId, Option<AccountId>)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        update inquiries
        set tags = array(
            select distinct name collate "C" from unnest(array_replace(tags, $1::text, $2::text)) as name order by 1)
        where tags @> array[$1::text]
        returning inquiry_id, account_id
        "#,
        from,
        to,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (InquiryId(row.inquiry_id), row.account_id.map(AccountId))).collect())
}

/// Has reports that have a tag have another instead, once. Returns them with their accounts.
pub async fn rename_in_reports(
    conn: &mut PgConnection,
    from: &str,
    to: &str,
) -> Result<Vec<(MonitorId, AccountId)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        update monitors
        set tags = array(
            select distinct name collate "C" from unnest(array_replace(tags, $1::text, $2::text)) as name order by 1)
        where tags @> array[$1::text]
        returning monitor_id, account_id
        "#,
        from,
        to,
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
