//! How accounts stand: in use, archived, consolidated into another, redacted.
//!
//! An account and those that were consolidated into it are a family. Pointers of a chain all lead to its end.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::id::{AccountId, AccountTypeId};

/// How an account stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The account.
    pub account: AccountId,
    /// Its type.
    pub account_type: AccountTypeId,
    /// When it was archived, if it is.
    pub archived_at: Option<DateTime<Utc>>,
    /// What it was consolidated into, if it was.
    pub consolidated_into: Option<AccountId>,
    /// When it was last redacted, if it ever was.
    pub redacted_at: Option<DateTime<Utc>>,
    /// Whether nothing was written to it since it was redacted.
    pub is_empty: bool,
}

impl Standing {
    /// Whether nothing may be written to it.
    pub const fn is_archived(&self) -> bool {
        self.archived_at.is_some()
    }
}

/// Locks accounts in the order of their ids, and tells how they stand; those that there are.
pub async fn lock(conn: &mut PgConnection, accounts: &[AccountId]) -> Result<Vec<Standing>, StoreError> {
    let (shards, ids) = columns(accounts);
    let rows = sqlx::query!(
        r#"
        select account.account_id, account.account_type_id, account.archived_at, account.consolidated_into,
               account.redacted_at, account.version is not distinct from account.redacted_version as "is_empty!"
        from accounts as account
        join unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id) using (shard, account_id)
        order by account.shard, account.account_id
        for no key update of account
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Standing {
            account: AccountId(row.account_id),
            account_type: AccountTypeId(row.account_type_id),
            archived_at: row.archived_at,
            consolidated_into: row.consolidated_into.map(AccountId),
            redacted_at: row.redacted_at,
            is_empty: row.is_empty,
        })
        .collect())
}

/// How one account stands; not locked.
pub async fn find(conn: &mut PgConnection, account: AccountId) -> Result<Option<Standing>, StoreError> {
    let row = sqlx::query!(
        r#"
        select account_type_id, archived_at, consolidated_into, redacted_at,
               version is not distinct from redacted_version as "is_empty!"
        from accounts
        where shard = $1
          and account_id = $2
        "#,
        account.shard().column(),
        account.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Standing {
        account,
        account_type: AccountTypeId(row.account_type_id),
        archived_at: row.archived_at,
        consolidated_into: row.consolidated_into.map(AccountId),
        redacted_at: row.redacted_at,
        is_empty: row.is_empty,
    }))
}

/// Archives a locked account.
pub async fn save_archived(
    conn: &mut PgConnection,
    account: AccountId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update accounts set archived_at = $3, updated_at = $3 where shard = $1 and account_id = $2",
        account.shard().column(),
        account.0,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Restores a locked account. It changed by that: its monitors that were stopped with it run at once when they are taken up
/// again.
pub async fn save_restored(
    conn: &mut PgConnection,
    account: AccountId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update accounts set archived_at = null, updated_at = $3 where shard = $1 and account_id = $2",
        account.shard().column(),
        account.0,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes locked sources part of a locked destination, with all that was consolidated into them before, and
/// archives them.
pub async fn save_consolidated(
    conn: &mut PgConnection,
    sources: &[AccountId],
    destination: AccountId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (shards, ids) = columns(sources);
    sqlx::query!(
        r#"
        update accounts as account
        set consolidated_into = $3,
            archived_at = coalesce(account.archived_at, $4),
            updated_at = $4
        from unnest($1::smallint[], $2::uuid[]) as source (shard, account_id)
        where account.shard = source.shard
          and account.account_id = source.account_id
        "#,
        &shards,
        &ids,
        destination.0,
        now,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update accounts set consolidated_into = $2 where consolidated_into = any($1)",
        &ids,
        destination.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The members of the families of accounts, each once.
pub async fn list_families(
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Vec<AccountId>, StoreError> {
    let (_, ids) = columns(accounts);
    let members = sqlx::query_scalar!(
        r#"
        select account_id as "account_id!" from unnest($1::uuid[]) as wanted (account_id)
        union
        select account_id from accounts where consolidated_into = any($1)
        "#,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(members.into_iter().map(AccountId).collect())
}

/// Each of accounts that there are with each member of its family, itself among them; of one that was consolidated that
/// is the family of what took it over.
pub async fn list_relatives(
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Vec<(AccountId, AccountId)>, StoreError> {
    let (shards, ids) = columns(accounts);
    let rows = sqlx::query!(
        r#"
        with headed as (
            select account_id, coalesce(consolidated_into, account_id) as head_id
            from unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id)
            join accounts using (shard, account_id)
        )
        select account_id as "account_id!", head_id as "member_id!" from headed
        union
        select headed.account_id, member.account_id
        from headed
        join accounts as member on member.consolidated_into = headed.head_id
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (AccountId(row.account_id), AccountId(row.member_id))).collect())
}

/// Accounts as statements take them.
pub(super) fn columns(accounts: &[AccountId]) -> (Vec<i16>, Vec<Uuid>) {
    accounts.iter().map(|account| (account.shard().column(), account.0)).unzip()
}
