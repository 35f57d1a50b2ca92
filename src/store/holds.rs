//! Legal holds on accounts.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, standings::columns};
use crate::domain::{
    id::{AccountId, HoldId},
    retention::Hold,
};

/// A hold as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldRow {
    /// What it holds, and until when.
    pub hold: Hold,
    /// Who placed it.
    pub actor: String,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// When somebody lifted it.
    pub lifted_at: Option<DateTime<Utc>>,
    /// Who did.
    pub lifted_by: Option<String>,
}

/// Places a hold.
pub async fn insert(
    conn: &mut PgConnection,
    hold: &Hold,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into legal_holds (hold_id, shard, account_id, reason, actor, placed_at, until_at)
        values ($1, $2, $3, $4, $5, $6, $7)
        "#,
        hold.id.0,
        hold.account.shard().column(),
        hold.account.0,
        hold.reason,
        actor,
        now,
        hold.until,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lifts a hold. False when it was lifted before, or there is none.
pub async fn save_lifted(
    conn: &mut PgConnection,
    id: HoldId,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update legal_holds set lifted_at = $2, lifted_by = $3 where hold_id = $1 and lifted_at is null",
        id.0,
        now,
        actor,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The holds on accounts that nobody lifted, those whose time is over among them.
pub async fn list_of_accounts(
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Vec<Hold>, StoreError> {
    let (shards, ids) = columns(accounts);
    let rows = sqlx::query!(
        r#"
        select hold_id, account_id as "account_id!", reason, until_at
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id)
        join legal_holds using (shard, account_id)
        where lifted_at is null
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Hold {
            id: HoldId(row.hold_id),
            account: AccountId(row.account_id),
            reason: row.reason,
            until: row.until_at,
        })
        .collect())
}

/// The hold of an id.
pub async fn find(conn: &mut PgConnection, id: HoldId) -> Result<Option<HoldRow>, StoreError> {
    Ok(list(conn, None, (Uuid::nil(), Uuid::max(), false), Some(id.0), 1).await?.pop())
}

/// Holds between two ids, the newest first, and the lowest of them if that is asked for: of an account, lifted ones
/// too; or all that stand.
pub async fn list(
    conn: &mut PgConnection,
    account: Option<AccountId>,
    (above, below, lowest): (Uuid, Uuid, bool),
    only: Option<Uuid>,
    limit: i64,
) -> Result<Vec<HoldRow>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select hold_id, account_id, reason, actor, placed_at, until_at, lifted_at, lifted_by
        from legal_holds
        where ($1::uuid is null or hold_id = $1)
          and ($2::uuid is null or account_id = $2)
          and ($1::uuid is not null or $2::uuid is not null or lifted_at is null)
          and hold_id > $3
          and hold_id < $4
        order by case when $6 then hold_id end, hold_id desc
        limit $5
        "#,
        only,
        account.map(|account| account.0),
        above,
        below,
        limit,
        lowest,
    )
    .fetch_all(conn)
    .await?;
    let mut rows = rows;
    rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.hold_id));
    Ok(rows
        .into_iter()
        .map(|row| HoldRow {
            hold: Hold {
                id: HoldId(row.hold_id),
                account: AccountId(row.account_id),
                reason: row.reason,
                until: row.until_at,
            },
            actor: row.actor,
            placed_at: row.placed_at,
            lifted_at: row.lifted_at,
            lifted_by: row.lifted_by,
        })
        .collect())
}
