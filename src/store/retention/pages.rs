//! The pages of the walk over everything that a policy could be about; accounts have theirs beside them.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{domain::id::Shard, store::StoreError};

/// One page of a shard's inquiries that are of no account, in the order of their ids, after `after`.
pub async fn list_lone_inquiries(
    conn: &mut PgConnection,
    shard: Shard,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Uuid>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"
        select inquiry_id
        from inquiries
        where shard = $1
          and inquiry_id > $2
          and account_id is null
        order by inquiry_id
        limit $3
        "#,
        shard.column(),
        after,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// One page of a shard's transactions, in the order of their ids, after `after`.
pub async fn list_transaction_page(
    conn: &mut PgConnection,
    shard: Shard,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Uuid>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"
        select transaction_id from transactions
        where shard = $1
          and transaction_id > $2
        order by transaction_id
        limit $3
        "#,
        shard.column(),
        after,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// One page of a shard's list items, in the order of their ids, after `after`.
pub async fn list_item_page(
    conn: &mut PgConnection,
    shard: Shard,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Uuid>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"
        select list_item_id from list_items
        where shard = $1
          and list_item_id > $2
        order by list_item_id
        limit $3
        "#,
        shard.column(),
        after,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}
